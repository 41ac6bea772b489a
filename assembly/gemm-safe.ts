/**
 * Products of bytes and int8 weights in int16 sums, two units deep: the relaxed kernel of machines whose
 * int16 dot reads its second operand unsigned and that do not have the accumulating dot as one
 * instruction. Three multiplies for the four of `gemm.ts`.
 *
 * Tile 4x8, a unit is four neighbouring k as bytes; each int16 lane takes two k of one column:
 *
 *     sum   = w.0·a.0 + w.1·a.1   of one unit and of the next        16 dots, 8 additions
 *     total += sum.even + sum.odd                                     8 dots by ones, 8 additions
 *     8 totals, 4 of w, 2 of a: 14 of the 15 vectors of x64
 *
 * Bound: a is 0 … 255. In a lane the positive weights of two units sum to at most 127 and the negative
 * ones to at least −128, which packing sees to (`src/kernels/split.ts`): every partial sum lies in
 * −32640 … 32385. What a weight has beyond lies in units behind the panel, read again:
 *
 *     [units][8 columns][4 k] int8 │ count, 12 bytes │ count × (byte of a, 12 bytes, [8][4] int8) │ bias …
 *
 * each under the same bound, and one unit deep.
 */
import { convBytes, gemmBytes } from "./byte-tile";
import { ConvParameters } from "./conv";
import { FlippedQuads, Quads } from "./formats/quads";
import { GemmParameters } from "./gemm";
import { GridParameters, NR, OFFSETS } from "./grid";
import { storeConstants } from "./requantize/fp32";
import { Fp32Rule } from "./requantize/fp32-rules";
import { RULE_FP32 } from "./requantize/output";
import { ReferenceRule } from "./requantize/reference-rule";

/** Rows of a tile. */
const MR: i32 = 4;
/** Bytes of one unit of a panel: 8 columns of 4 k. */
const PANEL_UNIT: usize = 32;
/** Bytes before the weights of a unit that is read again, and before the first of them. */
const HEAD: usize = 16;

/** The weights are signed, the bytes of a row unsigned. */
@inline
function dot(w: v128, a: v128): v128 {
  return i16x8.relaxed_dot_i8x16_i7x16_s(w, a);
}


@inline
function widen(total: v128, sum: v128): v128 {
  return i32x4.add(total, i32x4.extadd_pairwise_i16x8_s(sum));
}

/** 4 rows × 8 columns, all of k. `row` the places of the results in y. */
@inline
function tile4x8<R>(
  rule: R,
  a: usize,
  stride: usize,
  left: i32,
  w: usize,
  again: usize,
  tail: usize,
  y: usize,
  row: usize,
  columns: i32,
  scratch: usize,
): void {
  // Rows beyond the last are the last: they give its results again, in its place.
  const second: usize = left > 1 ? 1 : 0;
  const third = second + (left > 2 ? 1 : 0);
  const fourth = third + (left > 3 ? 1 : 0);
  let a0 = a;
  let a1 = a0 + second * stride;
  let a2 = a0 + third * stride;
  let a3 = a0 + fourth * stride;
  let c0l = v128.load(tail);
  let c0h = v128.load(tail, 16);
  let c1l = c0l;
  let c1h = c0h;
  let c2l = c0l;
  let c2h = c0h;
  let c3l = c0l;
  let c3h = c0h;
  while (w < again) {
    const wl = v128.load(w);
    const wh = v128.load(w, 16);
    const vl = v128.load(w, 32);
    const vh = v128.load(w, 48);
    const x0 = v128.load32_splat(a0);
    const z0 = v128.load32_splat(a0, 4);
    c0l = widen(c0l, i16x8.add(dot(wl, x0), dot(vl, z0)));
    c0h = widen(c0h, i16x8.add(dot(wh, x0), dot(vh, z0)));
    const x1 = v128.load32_splat(a1);
    const z1 = v128.load32_splat(a1, 4);
    c1l = widen(c1l, i16x8.add(dot(wl, x1), dot(vl, z1)));
    c1h = widen(c1h, i16x8.add(dot(wh, x1), dot(vh, z1)));
    const x2 = v128.load32_splat(a2);
    const z2 = v128.load32_splat(a2, 4);
    c2l = widen(c2l, i16x8.add(dot(wl, x2), dot(vl, z2)));
    c2h = widen(c2h, i16x8.add(dot(wh, x2), dot(vh, z2)));
    const x3 = v128.load32_splat(a3);
    const z3 = v128.load32_splat(a3, 4);
    c3l = widen(c3l, i16x8.add(dot(wl, x3), dot(vl, z3)));
    c3h = widen(c3h, i16x8.add(dot(wh, x3), dot(vh, z3)));
    a0 += 8;
    a1 += 8;
    a2 += 8;
    a3 += 8;
    w += 2 * PANEL_UNIT;
  }
  a1 = a + second * stride;
  a2 = a + third * stride;
  a3 = a + fourth * stride;
  w += HEAD;
  while (w < tail) {
    const at = <usize>load<u32>(w);
    const wl = v128.load(w, 16);
    const wh = v128.load(w, 32);
    const x0 = v128.load32_splat(a + at);
    c0l = widen(c0l, dot(wl, x0));
    c0h = widen(c0h, dot(wh, x0));
    const x1 = v128.load32_splat(a1 + at);
    c1l = widen(c1l, dot(wl, x1));
    c1h = widen(c1h, dot(wh, x1));
    const x2 = v128.load32_splat(a2 + at);
    c2l = widen(c2l, dot(wl, x2));
    c2h = widen(c2h, dot(wh, x2));
    const x3 = v128.load32_splat(a3 + at);
    c3l = widen(c3l, dot(wl, x3));
    c3h = widen(c3h, dot(wh, x3));
    w += HEAD + PANEL_UNIT;
  }
  const m = tail + 32;
  const y0 = y + load<u32>(row);
  const y1 = y + load<u32>(row + second * 4);
  const y2 = y + load<u32>(row + third * 4);
  const y3 = y + load<u32>(row + fourth * 4);
  rule.storeRows(c0l, c0h, c1l, c1h, m, y0, y1, columns, scratch);
  rule.storeRows(c2l, c2h, c3l, c3h, m, y2, y3, columns, scratch);
}

/** A strip of byte rows against panels [first, last). */
function sweepSafe<R>(
  p: GridParameters,
  strip: usize,
  stride: usize,
  rows: i32,
  first: i32,
  last: i32,
  scratch: usize,
): void {
  const rule = changetype<R>(p);
  storeConstants(p, scratch);
  for (let panel = first; panel < last; panel++) {
    const w = p.w + <usize>panel * <usize>p.panelBytes;
    const again = w + <usize>p.units * PANEL_UNIT;
    const tail = again + HEAD + <usize>load<u32>(again) * (HEAD + PANEL_UNIT);
    const y = p.y + <usize>(panel * NR);
    const columns = p.n - panel * NR;
    let a = strip;
    let row: usize = scratch + OFFSETS;
    for (let left = rows; left > 0; left -= MR) {
      tile4x8<R>(rule, a, stride, left, w, again, tail, y, row, columns, scratch);
      a += stride * MR;
      row += 4 * MR;
    }
  }
}

/** How a strip of byte rows is multiplied. */
@unmanaged
class SafeSums {

  @inline
  sweep(
    p: GridParameters,
    strip: usize,
    stride: usize,
    rows: i32,
    first: i32,
    last: i32,
    scratch: usize,
  ): void {
    if (p.rule == RULE_FP32) sweepSafe<Fp32Rule>(p, strip, stride, rows, first, last, scratch);
    else sweepSafe<ReferenceRule>(p, strip, stride, rows, first, last, scratch);
  }
}

/** uint8 · split weights. */
export function gemm_x8_s8_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  gemmBytes<Quads, SafeSums>(changetype<GemmParameters>(parameters), scratch, tile);
}

/** int8, flipped to uint8, · split weights. */
export function gemm_f8_s8_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  gemmBytes<FlippedQuads, SafeSums>(changetype<GemmParameters>(parameters), scratch, tile);
}

/** Windows of uint8 · split weights. */
export function conv_x8_s8_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  convBytes<Quads, SafeSums>(changetype<ConvParameters>(parameters), scratch, tile);
}

/** Windows of int8, flipped to uint8, · split weights. */
export function conv_f8_s8_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  convBytes<FlippedQuads, SafeSums>(changetype<ConvParameters>(parameters), scratch, tile);
}
