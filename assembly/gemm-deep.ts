/**
 * Products of bytes and weights of 4 bits or fewer in int16 sums: the relaxed kernel of machines that
 * do not have the dot with accumulation as one instruction.
 *
 * Tile 4x8, a unit u is four neighbouring k as bytes. The dot leaves two int16 a column, each with two
 * products; they are added in int16 for `flushSteps` units, then widened into int32 sums in memory:
 *
 *                      w: 8 columns, codes 0 … c
 *                   ┌ u,n0 u,n1 u,n2 u,n3 │ u,n4 … u,n7 ┐
 *     a: 4 rows     │                                   │   int16:  s += a.0·w.0 + a.1·w.1 │ a.2·w.2 + a.3·w.3
 *       row 0 splat │  s0l                │  s0h        │   flush:  int32 total += s.even + s.odd
 *       …           │  …                  │  …          │
 *                   └                                   ┘   8 sums, 2 of w, 1 of a: 11 of 15 vectors
 *
 * The second operand is never above 127, so that the instruction has one meaning on every machine.
 * Codes lie `weightOffset` above the weights: Σ x·w = Σ x·u − weightOffset · Σ x, and packing sums x.
 *
 * Bound: a unit changes a lane by −256·c … 254·c for x in int8, and by at most 2·x_max·c for narrow x:
 *
 *     flushSteps = ⌊32768 / (256·c)⌋ or ⌊32767 / (2·x_max·c)⌋, rounded down to even
 *
 *     c                      15 (4 bits)   3 (2 bits)   2 (ternary; binary as 0, 2)
 *     x in int8              8             42           64
 *     x in 0 … 15            72            364          546
 */
import { convBytes, gemmBytes } from "./byte-tile";
import { ConvParameters } from "./conv";
import { FlippedQuads, NarrowedQuads, Quads } from "./formats/quads";
import { GemmParameters } from "./gemm";
import { GridParameters, NR, OFFSETS } from "./grid";
import { openPanel, rowTermsOf, sumRows } from "./low-bit";
import { storeConstants } from "./requantize/fp32";
import { Fp32Rule } from "./requantize/fp32-rules";
import { RULE_FP32 } from "./requantize/output";
import { ReferenceRule } from "./requantize/reference-rule";

/** Rows of a tile. */
const MR: i32 = 4;
/** Bytes of one unit of a freed panel: 8 columns of 4 k. */
const PANEL_UNIT: usize = 32;

/** s + a·w, two products a lane. */
@inline
function dot(a: v128, w: v128, s: v128): v128 {
  return i16x8.add(s, i16x8.relaxed_dot_i8x16_i7x16_s(a, w));
}

/**
 * Adds the int16 sums of one row to its int32 totals. Both are loaded before one is stored: an engine that
 * pairs vectors does not move a load over a store.
 */
@inline
function flush(totals: usize, low: v128, high: v128): void {
  const l = i32x4.add(v128.load(totals), i32x4.extadd_pairwise_i16x8_s(low));
  const h = i32x4.add(v128.load(totals, 16), i32x4.extadd_pairwise_i16x8_s(high));
  v128.store(totals, l);
  v128.store(totals, h, 16);
}

/** 4 rows × 8 columns, all of k. `terms`: what each row adds, `row` the places of the results in y. */
@inline
function tile4x8<R>(
  rule: R,
  a: usize,
  stride: usize,
  left: i32,
  w: usize,
  units: i32,
  flushUnits: i32,
  totals: usize,
  terms: usize,
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
  const tail = w + <usize>units * PANEL_UNIT;
  const bl = v128.load(tail);
  const bh = v128.load(tail, 16);
  const t0 = v128.load32_splat(terms);
  v128.store(totals, i32x4.add(bl, t0));
  v128.store(totals, i32x4.add(bh, t0), 16);
  const t1 = v128.load32_splat(terms + second * 4);
  v128.store(totals, i32x4.add(bl, t1), 32);
  v128.store(totals, i32x4.add(bh, t1), 48);
  const t2 = v128.load32_splat(terms + third * 4);
  v128.store(totals, i32x4.add(bl, t2), 64);
  v128.store(totals, i32x4.add(bh, t2), 80);
  const t3 = v128.load32_splat(terms + fourth * 4);
  v128.store(totals, i32x4.add(bl, t3), 96);
  v128.store(totals, i32x4.add(bh, t3), 112);
  while (w < tail) {
    const end = min(tail, w + <usize>flushUnits * PANEL_UNIT);
    let s0l = i16x8.splat(0);
    let s0h = s0l;
    let s1l = s0l;
    let s1h = s0l;
    let s2l = s0l;
    let s2h = s0l;
    let s3l = s0l;
    let s3h = s0l;
    while (w < end) {
      const wl = v128.load(w);
      const wh = v128.load(w, 16);
      const x0 = v128.load32_splat(a0);
      s0l = dot(x0, wl, s0l);
      s0h = dot(x0, wh, s0h);
      const x1 = v128.load32_splat(a1);
      s1l = dot(x1, wl, s1l);
      s1h = dot(x1, wh, s1h);
      const x2 = v128.load32_splat(a2);
      s2l = dot(x2, wl, s2l);
      s2h = dot(x2, wh, s2h);
      const x3 = v128.load32_splat(a3);
      s3l = dot(x3, wl, s3l);
      s3h = dot(x3, wh, s3h);

      const vl = v128.load(w, 32);
      const vh = v128.load(w, 48);
      const z0 = v128.load32_splat(a0, 4);
      s0l = dot(z0, vl, s0l);
      s0h = dot(z0, vh, s0h);
      const z1 = v128.load32_splat(a1, 4);
      s1l = dot(z1, vl, s1l);
      s1h = dot(z1, vh, s1h);
      const z2 = v128.load32_splat(a2, 4);
      s2l = dot(z2, vl, s2l);
      s2h = dot(z2, vh, s2h);
      const z3 = v128.load32_splat(a3, 4);
      s3l = dot(z3, vl, s3l);
      s3h = dot(z3, vh, s3h);
      a0 += 8;
      a1 += 8;
      a2 += 8;
      a3 += 8;
      w += 2 * PANEL_UNIT;
    }
    flush(totals, s0l, s0h);
    flush(totals + 32, s1l, s1h);
    flush(totals + 64, s2l, s2h);
    flush(totals + 96, s3l, s3h);
  }
  const m = tail + 32;
  const y0 = y + load<u32>(row);
  const y1 = y + load<u32>(row + second * 4);
  const y2 = y + load<u32>(row + third * 4);
  const y3 = y + load<u32>(row + fourth * 4);
  rule.storeRows(
    v128.load(totals),
    v128.load(totals, 16),
    v128.load(totals, 32),
    v128.load(totals, 48),
    m,
    y0,
    y1,
    columns,
    scratch,
  );
  rule.storeRows(
    v128.load(totals, 64),
    v128.load(totals, 80),
    v128.load(totals, 96),
    v128.load(totals, 112),
    m,
    y2,
    y3,
    columns,
    scratch,
  );
}

/** A strip of byte rows against panels [first, last). */
function sweepDeep<R>(
  p: GridParameters,
  strip: usize,
  stride: usize,
  rows: i32,
  first: i32,
  last: i32,
  scratch: usize,
): void {
  const rule = changetype<R>(p);
  const units = p.units;
  const totals = scratch + <usize>p.lowBitScratch;
  storeConstants(p, scratch);
  for (let panel = first; panel < last; panel++) {
    // Codes as they are: the rows' terms take the offset back.
    const w = openPanel(p, panel, <usize>units * PANEL_UNIT, 0, scratch);
    const y = p.y + <usize>(panel * NR);
    const columns = p.n - panel * NR;
    let a = strip;
    let row: usize = scratch + OFFSETS;
    let terms = rowTermsOf(p, scratch);
    for (let left = rows; left > 0; left -= MR) {
      tile4x8<R>(
        rule,
        a,
        stride,
        left,
        w,
        units,
        p.flushSteps,
        totals,
        terms,
        y,
        row,
        columns,
        scratch,
      );
      a += stride * MR;
      row += 4 * MR;
      terms += 4 * MR;
    }
  }
}

/** How a strip of byte rows is multiplied. */
@unmanaged
class DeepSums {

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
    sumRows(p, strip, stride, rows, scratch);
    if (p.rule == RULE_FP32) sweepDeep<Fp32Rule>(p, strip, stride, rows, first, last, scratch);
    else sweepDeep<ReferenceRule>(p, strip, stride, rows, first, last, scratch);
  }
}

/** int8 · codes of 4, 2 or 1 bits. */
export function gemm_i8_i4_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  gemmBytes<Quads, DeepSums>(changetype<GemmParameters>(parameters), scratch, tile);
}

/** uint8, flipped to int8, · codes of 4, 2 or 1 bits. */
export function gemm_u8_i4_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  gemmBytes<FlippedQuads, DeepSums>(changetype<GemmParameters>(parameters), scratch, tile);
}

/** Windows of int8 · codes. */
export function conv_i8_i4_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  convBytes<Quads, DeepSums>(changetype<ConvParameters>(parameters), scratch, tile);
}

/** Windows of uint8 · codes. */
export function conv_u8_i4_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  convBytes<FlippedQuads, DeepSums>(changetype<ConvParameters>(parameters), scratch, tile);
}

/** Windows narrowed to 4 bits or fewer · codes. */
export function conv_u4_i4_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  convBytes<NarrowedQuads, DeepSums>(changetype<ConvParameters>(parameters), scratch, tile);
}
