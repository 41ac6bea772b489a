/**
 * Matrix product and convolutions with minifloat weights, in float32: the grid, packing and tile shape
 * of `gemm-float.ts` on panels that are opened in scratch (`minifloat-panels.ts`). x is what its codes
 * stand for, as float32.
 *
 * The result is defined to the bit: c starts at +0, then c = c + a·w, k ascending, multiply and add
 * rounded apart; then scale, bias and clamp.
 */
import { ConvParameters } from "./conv";
import { IndirectParameters } from "./conv-indirect";
import { Float32 } from "./formats/float";
import { Codes4, Codes6, Codes8 } from "./formats/minifloat";
import { GemmParameters, UNIT } from "./gemm";
import { GridParameters, NR, OFFSETS, stripOf } from "./grid";
import { finishFloat, storeFloats } from "./minifloat-output";
import { FloatPanel, OpenPanel } from "./minifloat-panels";
import { MR } from "./pack";


@unmanaged
export class GemmMinifloat extends GemmParameters {
  /** What the codes stand for: a `MinifloatTable`, or that of integers. */
  codeTable: usize;
  /** Bytes from a thread's scratch to the open panel. */
  panel: i32;
  /** Where results are units: the largest step of 1 (`minifloat-output.ts`). */
  finest: i32;
}


@unmanaged
export class ConvMinifloat extends ConvParameters {
  codeTable: usize;
  panel: i32;
  finest: i32;
}


@unmanaged
export class IndirectMinifloat extends IndirectParameters {
  codeTable: usize;
  panel: i32;
  finest: i32;
}

/** 4 rows × 8 columns, all of k: 8 accumulators, 2 of w, 1 of a. */
@inline
function tile4x8(a: usize, w: usize, units: i32, y: usize, row: usize, columns: i32): void {
  const tail = w + <usize>units * NR * UNIT;
  let c0l = f32x4.splat(0);
  let c0h = c0l;
  let c1l = c0l;
  let c1h = c0l;
  let c2l = c0l;
  let c2h = c0l;
  let c3l = c0l;
  let c3h = c0l;
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
  storeScaled(c0l, c0h, tail, y + load<u32>(row), columns);
  storeScaled(c1l, c1h, tail, y + load<u32>(row, 4), columns);
  storeScaled(c2l, c2h, tail, y + load<u32>(row, 8), columns);
  storeScaled(c3l, c3h, tail, y + load<u32>(row, 12), columns);
}

/** 1 row × 8 columns. */
@inline
function tile1x8(a: usize, w: usize, units: i32, y: usize, columns: i32): void {
  const tail = w + <usize>units * NR * UNIT;
  let cl = f32x4.splat(0);
  let ch = cl;
  while (w < tail) {
    const a0 = v128.load32_splat(a);
    cl = f32x4.add(cl, f32x4.mul(a0, v128.load(w)));
    ch = f32x4.add(ch, f32x4.mul(a0, v128.load(w, 16)));
    a += UNIT;
    w += UNIT * NR;
  }
  storeScaled(cl, ch, tail, y, columns);
}


@inline
function storeScaled(l: v128, h: v128, tail: usize, y: usize, columns: i32): void {
  const low = v128.load(tail, 96);
  const high = v128.load(tail, 112);
  const scaledLow = f32x4.mul(l, v128.load(tail, 32));
  const scaledHigh = f32x4.mul(h, v128.load(tail, 48));
  storeFloats(
    y,
    finishFloat(scaledLow, v128.load(tail, 64), low, high),
    finishFloat(scaledHigh, v128.load(tail, 80), low, high),
    columns,
  );
}

/** A packed strip against panels [first, last). O: how a panel is opened. */
function sweepFloat<O>(
  p: GridParameters,
  table: usize,
  open: usize,
  rows: i32,
  first: i32,
  last: i32,
  scratch: usize,
): void {
  const units = p.units;
  // Codes come in groups of 16: what is behind the last unit is overwritten by the tail.
  const count = units * NR;
  const strip = stripOf(p, scratch);
  const offsets = scratch + OFFSETS;
  const panels = rows & ~(MR - 1);
  for (let panel = first; panel < last; panel++) {
    const w = changetype<O>(0).open(p.w + <usize>panel * <usize>p.panelBytes, count, table, open);
    const y = p.y + <usize>panel * NR * 4;
    const columns = p.n - panel * NR;
    let a = strip;
    let row: usize = offsets;
    for (const end = row + <usize>panels * 4; row < end; row += 16) {
      tile4x8(a, w, units, y, row, columns);
      a += <usize>units * UNIT * MR;
    }
    for (const end = offsets + <usize>rows * 4; row < end; row += 4) {
      tile1x8(a, w, units, y + load<u32>(row), columns);
      a += <usize>units * UNIT;
    }
  }
}

/** One grid tile, as `integerTile`. */
@inline
function floatTile<P, O>(p: P, scratch: usize, tile: i32): void {
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstRow = (tile / p.chunks) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  const open = scratch + <usize>p.panel;
  for (let row = firstRow; row < lastRow; row += p.stripRows) {
    const rows = min(p.stripRows, lastRow - row);
    p.pack<Float32>(row, rows, scratch);
    sweepFloat<O>(p, p.codeTable, open, rows, firstPanel, lastPanel, scratch);
  }
}

export function gemm_f32_m8_4x8c1(parameters: usize, scratch: usize, tile: i32): void {
  floatTile<GemmMinifloat, FloatPanel<Codes8>>(
    changetype<GemmMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function gemm_f32_m6_4x8c1(parameters: usize, scratch: usize, tile: i32): void {
  floatTile<GemmMinifloat, FloatPanel<Codes6>>(
    changetype<GemmMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function gemm_f32_m4_4x8c1(parameters: usize, scratch: usize, tile: i32): void {
  floatTile<GemmMinifloat, FloatPanel<Codes4>>(
    changetype<GemmMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function gemm_f32_w32_4x8c1(parameters: usize, scratch: usize, tile: i32): void {
  floatTile<GemmMinifloat, OpenPanel>(changetype<GemmMinifloat>(parameters), scratch, tile);
}

export function conv_f32_m8_4x8c1(parameters: usize, scratch: usize, tile: i32): void {
  floatTile<ConvMinifloat, FloatPanel<Codes8>>(
    changetype<ConvMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function conv_f32_m6_4x8c1(parameters: usize, scratch: usize, tile: i32): void {
  floatTile<ConvMinifloat, FloatPanel<Codes6>>(
    changetype<ConvMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function conv_f32_m4_4x8c1(parameters: usize, scratch: usize, tile: i32): void {
  floatTile<ConvMinifloat, FloatPanel<Codes4>>(
    changetype<ConvMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function conv_f32_w32_4x8c1(parameters: usize, scratch: usize, tile: i32): void {
  floatTile<ConvMinifloat, OpenPanel>(changetype<ConvMinifloat>(parameters), scratch, tile);
}

export function igemm_f32_m8_4x8c1(parameters: usize, scratch: usize, tile: i32): void {
  floatTile<IndirectMinifloat, FloatPanel<Codes8>>(
    changetype<IndirectMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function igemm_f32_m6_4x8c1(parameters: usize, scratch: usize, tile: i32): void {
  floatTile<IndirectMinifloat, FloatPanel<Codes6>>(
    changetype<IndirectMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function igemm_f32_m4_4x8c1(parameters: usize, scratch: usize, tile: i32): void {
  floatTile<IndirectMinifloat, FloatPanel<Codes4>>(
    changetype<IndirectMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function igemm_f32_w32_4x8c1(parameters: usize, scratch: usize, tile: i32): void {
  floatTile<IndirectMinifloat, OpenPanel>(changetype<IndirectMinifloat>(parameters), scratch, tile);
}
