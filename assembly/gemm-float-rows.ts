/**
 * float32 matrix product and convolutions on rows that lie one after the other; the sums, their order and the
 * panels are those of `gemm-float.ts`, to the bit. For depths whose rows stay near (`select.ts`).
 *
 * Tile 5x8, as in `dot-tiles.ts` a unit is four bytes of a row, here one float32. Rows of `a` lie one after
 * the other, so that packing is a copy of windows (`conv-dot.ts`), or nothing; five pointers run along them:
 *
 *                      w: 8 columns of one panel
 *                   ┌ n0 n1 n2 n3 │ n4 … n7 ┐
 *     a: 5 rows     │             │         │
 *       row 0 splat │  c0l        │  c0h    │   c += a·w
 *       …           │  …          │  …      │   10 accumulators, 2 of w, 1 of a, 1 product:
 *       row 4 splat │  c4l        │  c4h    │   14 of the 15 vectors of x64
 *                   └             │         ┘
 *
 * Where an engine pairs c·l and c·h to 256 bits, 5 sums instead of 4 hide more of the add's latency.
 */
import { ConvParameters } from "./conv";
import { gatherBytes } from "./conv-dot";
import { Quads } from "./formats/quads";
import { GemmParameters } from "./gemm";
import { packBytes, rowBytes } from "./byte-rows";
import { finishFloat } from "./gemm-float";
import { GridParameters, NR, OFFSETS, stripOf } from "./grid";

/** Rows of a tile. */
const MR: i32 = 5;
/** Bytes of one column of y, and of one unit of a panel: 8 columns of one k. */
const COLUMN: usize = 4;
const PANEL_UNIT: usize = 32;

/** The first columns of one row, by way of scratch. */
function storePart(y: usize, l: v128, h: v128, columns: i32, scratch: usize): void {
  v128.store(scratch, l);
  v128.store(scratch, h, 16);
  for (let i: usize = 0; i < <usize>columns * COLUMN; i += COLUMN) {
    store<u32>(y + i, load<u32>(scratch + i));
  }
}

/** 8 columns of one row, or the first of them. */
@inline
function storeRow(y: usize, l: v128, h: v128, columns: i32, scratch: usize): void {
  if (columns >= NR) {
    v128.store(y, l);
    v128.store(y, h, 16);
  } else {
    storePart(y, l, h, columns, scratch);
  }
}

/** 5 rows × 8 columns, all of k. `a` and `stride`: the rows; `row`: the places of the results in y. */
@inline
function tile5x8(
  a: usize,
  stride: usize,
  left: i32,
  w: usize,
  units: i32,
  y: usize,
  row: usize,
  columns: i32,
  scratch: usize,
): void {
  // Rows beyond the last are the last: they give its results again, in its place.
  let a0 = a;
  let a1 = a0 + (left > 1 ? stride : 0);
  let a2 = a1 + (left > 2 ? stride : 0);
  let a3 = a2 + (left > 3 ? stride : 0);
  let a4 = a3 + (left > 4 ? stride : 0);
  const tail = w + <usize>units * PANEL_UNIT;
  let c0l = v128.load(tail);
  let c0h = v128.load(tail, 16);
  let c1l = c0l;
  let c1h = c0h;
  let c2l = c0l;
  let c2h = c0h;
  let c3l = c0l;
  let c3h = c0h;
  let c4l = c0l;
  let c4h = c0h;
  const last = tail - PANEL_UNIT;
  while (w < tail) {
    const wl = v128.load(w);
    const wh = v128.load(w, 16);
    const x0 = v128.load32_splat(a0);
    c0l = f32x4.add(c0l, f32x4.mul(x0, wl));
    c0h = f32x4.add(c0h, f32x4.mul(x0, wh));
    const x1 = v128.load32_splat(a1);
    c1l = f32x4.add(c1l, f32x4.mul(x1, wl));
    c1h = f32x4.add(c1h, f32x4.mul(x1, wh));
    const x2 = v128.load32_splat(a2);
    c2l = f32x4.add(c2l, f32x4.mul(x2, wl));
    c2h = f32x4.add(c2h, f32x4.mul(x2, wh));
    const x3 = v128.load32_splat(a3);
    c3l = f32x4.add(c3l, f32x4.mul(x3, wl));
    c3h = f32x4.add(c3h, f32x4.mul(x3, wh));
    const x4 = v128.load32_splat(a4);
    c4l = f32x4.add(c4l, f32x4.mul(x4, wl));
    c4h = f32x4.add(c4h, f32x4.mul(x4, wh));
    if (w == last) break;
    const wl2 = v128.load(w, 32);
    const wh2 = v128.load(w, 48);
    const x02 = v128.load32_splat(a0, 4);
    c0l = f32x4.add(c0l, f32x4.mul(x02, wl2));
    c0h = f32x4.add(c0h, f32x4.mul(x02, wh2));
    const x12 = v128.load32_splat(a1, 4);
    c1l = f32x4.add(c1l, f32x4.mul(x12, wl2));
    c1h = f32x4.add(c1h, f32x4.mul(x12, wh2));
    const x22 = v128.load32_splat(a2, 4);
    c2l = f32x4.add(c2l, f32x4.mul(x22, wl2));
    c2h = f32x4.add(c2h, f32x4.mul(x22, wh2));
    const x32 = v128.load32_splat(a3, 4);
    c3l = f32x4.add(c3l, f32x4.mul(x32, wl2));
    c3h = f32x4.add(c3h, f32x4.mul(x32, wh2));
    const x42 = v128.load32_splat(a4, 4);
    c4l = f32x4.add(c4l, f32x4.mul(x42, wl2));
    c4h = f32x4.add(c4h, f32x4.mul(x42, wh2));
    a0 += 8;
    a1 += 8;
    a2 += 8;
    a3 += 8;
    a4 += 8;
    w += 2 * PANEL_UNIT;
  }
  const low = v128.load(tail, 32);
  const high = v128.load(tail, 48);
  const y0 = y + load<u32>(row);
  const y1 = left > 1 ? y + load<u32>(row, 4) : y0;
  const y2 = left > 2 ? y + load<u32>(row, 8) : y1;
  const y3 = left > 3 ? y + load<u32>(row, 12) : y2;
  const y4 = left > 4 ? y + load<u32>(row, 16) : y3;
  storeRow(y0, finishFloat(c0l, low, high), finishFloat(c0h, low, high), columns, scratch);
  storeRow(y1, finishFloat(c1l, low, high), finishFloat(c1h, low, high), columns, scratch);
  storeRow(y2, finishFloat(c2l, low, high), finishFloat(c2h, low, high), columns, scratch);
  storeRow(y3, finishFloat(c3l, low, high), finishFloat(c3h, low, high), columns, scratch);
  storeRow(y4, finishFloat(c4l, low, high), finishFloat(c4h, low, high), columns, scratch);
}

/** 1 row × 8 columns. */
@inline
function tile1x8(a: usize, w: usize, units: i32, y: usize, columns: i32, scratch: usize): void {
  const tail = w + <usize>units * PANEL_UNIT;
  let cl = v128.load(tail);
  let ch = v128.load(tail, 16);
  while (w < tail) {
    const x = v128.load32_splat(a);
    cl = f32x4.add(cl, f32x4.mul(x, v128.load(w)));
    ch = f32x4.add(ch, f32x4.mul(x, v128.load(w, 16)));
    a += 4;
    w += PANEL_UNIT;
  }
  const low = v128.load(tail, 32);
  const high = v128.load(tail, 48);
  storeRow(y, finishFloat(cl, low, high), finishFloat(ch, low, high), columns, scratch);
}

/** A strip of rows `stride` bytes apart against panels [first, last). */
function sweepFloat(
  p: GridParameters,
  strip: usize,
  stride: usize,
  rows: i32,
  first: i32,
  last: i32,
  scratch: usize,
): void {
  const units = p.units;
  const offsets = scratch + OFFSETS;
  for (let panel = first; panel < last; panel++) {
    const w = p.w + <usize>panel * <usize>p.panelBytes;
    const y = p.y + <usize>panel * NR * COLUMN;
    const columns = p.n - panel * NR;
    if (rows == 1) {
      tile1x8(strip, w, units, y + load<u32>(offsets), columns, scratch);
      continue;
    }
    let a = strip;
    let row: usize = offsets;
    for (let left = rows; left > 0; left -= MR) {
      tile5x8(a, stride, left, w, units, y, row, columns, scratch);
      a += stride * MR;
      row += 4 * MR;
    }
  }
}

/** Rows where they lie. */
export function gemm_f32_f32_5x8c1(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<GemmParameters>(parameters);
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstRow = (tile / p.chunks) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  const stride = <usize>p.xStride;
  for (let row = firstRow; row < lastRow; row += p.stripRows) {
    const rows = min(p.stripRows, lastRow - row);
    packBytes<Quads>(p, row, rows, scratch);
    sweepFloat(p, p.x + <usize>row * stride, stride, rows, firstPanel, lastPanel, scratch);
  }
}

/** Windows copied to rows. */
export function conv_f32_f32_5x8c1(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<ConvParameters>(parameters);
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstRow = (tile / p.chunks) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  for (let row = firstRow; row < lastRow; row += p.stripRows) {
    const rows = min(p.stripRows, lastRow - row);
    gatherBytes<Quads>(p, row, rows, scratch);
    sweepFloat(p, stripOf(p, scratch), rowBytes(p), rows, firstPanel, lastPanel, scratch);
  }
}
