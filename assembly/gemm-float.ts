/**
 * float32 matrix product and convolutions: the grid, the packing and the tile shape of `gemm.ts`,
 * a unit being one float32.
 *
 * The result is defined to the bit: c starts at the bias, then c = c + a·w, k ascending, multiply and
 * add rounded apart (never fused). Rows and columns are the only things done in parallel, so no tile,
 * thread count or machine changes the order. k is therefore not padded.
 *
 * Clamp and NaN as the reference: `pmin(pmax(v, low), high)`, any NaN becomes 0x7FC00000.
 *
 * A weight panel: depth units of 8 columns, bias[8], low[4], high[4].
 */
import { IndirectParameters } from "./conv-indirect";
import { clampFloat, COLUMN } from "./float-tiles";
import { Float32 } from "./formats/float";
import { GemmParameters, UNIT } from "./gemm";
import { GridParameters, NR, OFFSETS, stripOf } from "./grid";
import { MR } from "./pack";

/** 4 rows × 8 columns, all of k: 8 accumulators, 2 of w, 1 of a. Stores 4 rows of 8 floats. */
@inline
function tile4x8(a: usize, w: usize, units: i32, to: usize): void {
  const tail = w + <usize>units * NR * UNIT;
  let c0l = v128.load(tail);
  let c0h = v128.load(tail, 16);
  let c1l = c0l;
  let c1h = c0h;
  let c2l = c0l;
  let c2h = c0h;
  let c3l = c0l;
  let c3h = c0h;
  while (w < tail) {
    const wl = v128.load(w);
    const wh = v128.load(w, 16);
    const a0 = v128.load32_splat(a);
    c0l = f32x4.add(c0l, f32x4.mul(a0, wl));
    c0h = f32x4.add(c0h, f32x4.mul(a0, wh));
    const a1 = v128.load32_splat(a, 4);
    c1l = f32x4.add(c1l, f32x4.mul(a1, wl));
    c1h = f32x4.add(c1h, f32x4.mul(a1, wh));
    const a2 = v128.load32_splat(a, 8);
    c2l = f32x4.add(c2l, f32x4.mul(a2, wl));
    c2h = f32x4.add(c2h, f32x4.mul(a2, wh));
    const a3 = v128.load32_splat(a, 12);
    c3l = f32x4.add(c3l, f32x4.mul(a3, wl));
    c3h = f32x4.add(c3h, f32x4.mul(a3, wh));
    a += UNIT * MR;
    w += UNIT * NR;
  }
  const low = v128.load(tail, 32);
  const high = v128.load(tail, 48);
  v128.store(to, clampFloat(c0l, low, high));
  v128.store(to, clampFloat(c0h, low, high), 16);
  v128.store(to, clampFloat(c1l, low, high), 32);
  v128.store(to, clampFloat(c1h, low, high), 48);
  v128.store(to, clampFloat(c2l, low, high), 64);
  v128.store(to, clampFloat(c2h, low, high), 80);
  v128.store(to, clampFloat(c3l, low, high), 96);
  v128.store(to, clampFloat(c3h, low, high), 112);
}

/** 1 row × 8 columns. */
@inline
function tile1x8(a: usize, w: usize, units: i32, to: usize): void {
  const tail = w + <usize>units * NR * UNIT;
  let cl = v128.load(tail);
  let ch = v128.load(tail, 16);
  while (w < tail) {
    const a0 = v128.load32_splat(a);
    cl = f32x4.add(cl, f32x4.mul(a0, v128.load(w)));
    ch = f32x4.add(ch, f32x4.mul(a0, v128.load(w, 16)));
    a += UNIT;
    w += UNIT * NR;
  }
  const low = v128.load(tail, 32);
  const high = v128.load(tail, 48);
  v128.store(to, clampFloat(cl, low, high));
  v128.store(to, clampFloat(ch, low, high), 16);
}

/** Copies the first `columns` of 8 floats. */
@inline
function storeRow(to: usize, row: usize, columns: i32): void {
  if (columns >= NR) {
    v128.store(to, v128.load(row));
    v128.store(to, v128.load(row, 16), 16);
  } else {
    for (let i: usize = 0; i < <usize>columns * COLUMN; i += COLUMN) {
      store<u32>(to + i, load<u32>(row + i));
    }
  }
}

/** A packed strip against panels [first, last). */
function sweepFloat(p: GridParameters, rows: i32, first: i32, last: i32, scratch: usize): void {
  const units = p.units;
  const strip = stripOf(p, scratch);
  const offsets = scratch + OFFSETS;
  const panels = rows & ~(MR - 1);
  for (let panel = first; panel < last; panel++) {
    const w = p.w + <usize>panel * <usize>p.panelBytes;
    const y = p.y + <usize>panel * NR * COLUMN;
    const columns = p.n - panel * NR;
    let a = strip;
    let row: usize = offsets;
    for (const end = row + <usize>panels * 4; row < end; row += 16) {
      tile4x8(a, w, units, scratch);
      storeRow(y + load<u32>(row), scratch, columns);
      storeRow(y + load<u32>(row, 4), scratch + 32, columns);
      storeRow(y + load<u32>(row, 8), scratch + 64, columns);
      storeRow(y + load<u32>(row, 12), scratch + 96, columns);
      a += <usize>units * UNIT * MR;
    }
    for (const end = offsets + <usize>rows * 4; row < end; row += 4) {
      tile1x8(a, w, units, scratch);
      storeRow(y + load<u32>(row), scratch, columns);
      a += <usize>units * UNIT;
    }
  }
}

/** One grid tile, as `integerTile`. */
@inline
function floatTile<P>(p: P, scratch: usize, tile: i32): void {
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstRow = (tile / p.chunks) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  for (let row = firstRow; row < lastRow; row += p.stripRows) {
    const rows = min(p.stripRows, lastRow - row);
    p.pack<Float32>(row, rows, scratch);
    sweepFloat(p, rows, firstPanel, lastPanel, scratch);
  }
}

export function gemm_f32_f32_4x8c1(parameters: usize, scratch: usize, tile: i32): void {
  floatTile<GemmParameters>(changetype<GemmParameters>(parameters), scratch, tile);
}

export function igemm_f32_f32_4x8c1(parameters: usize, scratch: usize, tile: i32): void {
  floatTile<IndirectParameters>(changetype<IndirectParameters>(parameters), scratch, tile);
}
