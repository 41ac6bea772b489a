/**
 * y = requantize(a · wᵀ + bias): 1x1 convolutions, fully connected layers, and the heart of every
 * other convolution, which only packs `a` differently (`conv.ts`, `conv-indirect.ts`).
 *
 * Tile 4x8, a unit u is two neighbouring k as int16:
 *
 *                      w: 8 columns of one panel
 *                   ┌ u,n0 u,n1 u,n2 u,n3 │ u,n4 … u,n7 ┐   widened from int8 while loading
 *     a: 4 rows     │                                   │
 *       u,m0 splat  │  c0l                │  c0h        │   c += a.x·w.x + a.y·w.y
 *       u,m1 splat  │  c1l                │  c1h        │
 *       u,m2 splat  │  c2l                │  c2h        │   8 accumulators, 2 of w, 1 of a:
 *       u,m3 splat  │  c3l                │  c3h        │   11 of the 15 vectors of x64
 *                   └                                   ┘
 *
 * A weight panel: depth/2 units of 8 columns, int32 bias[8], multipliers of the rule. The bias holds
 * −zeroPoint(x) · Σw, so x is multiplied as stored.
 *
 * Bound: int32 sums wrap harmlessly; only the final accumulator must fit, which `infer` proves per
 * channel. One dot is at most 2 · 255 · 255 < 2^31.
 *
 * Statements come in N order with results stored side by side, so that an engine which pairs
 * 128-bit operations finds c·l and c·h. The loop over k tests at its top: the same loop tested at its
 * end ran 15 % slower in V8 (docs/performance.md).
 */
import { Int16, Int8, UInt8 } from "./formats/integer";
import { GridParameters, NR, OFFSETS, stripOf } from "./grid";
import { storePart64 } from "./lanes";
import { openPanel } from "./low-bit";
import { interleaveRows, MR, widenRow } from "./pack";
import { baseOf, floorOf } from "./requantize/fp32";
import { Fp32Rule } from "./requantize/fp32-rules";
import { narrowRows, RULE_FP32, storeCodes } from "./requantize/output";
import { ReferenceRule } from "./requantize/reference-rule";

/** A unit in bytes. */
export const UNIT: usize = 4;
/** Bytes of one unit of a panel of int8: 8 columns of 2 k. */
const PANEL_UNIT: usize = 16;

/** Rows that lie `xStride` bytes apart. */
@unmanaged
export class GemmParameters extends GridParameters {
  xStride: i32;

  /** Packs rows [first, first + rows). */
  @inline
  pack<X>(first: i32, rows: i32, scratch: usize): void {
    packRows<X>(this, first, rows, scratch);
  }
}

/** Packs contiguous rows. */
function packRows<X>(p: GemmParameters, first: i32, rows: i32, scratch: usize): void {
  const units = p.units;
  const stride = <usize>p.xStride;
  let offsets = scratch + OFFSETS;
  let to = stripOf(p, scratch);
  let row = p.x + <usize>first * stride;
  let left = rows;
  for (; left >= MR; left -= MR) {
    interleaveRows<X>(to, row, row + stride, row + 2 * stride, row + 3 * stride, units);
    to += <usize>units * UNIT * MR;
    row += stride * MR;
  }
  for (; left > 0; left--) {
    widenRow<X>(to, row, units);
    to += <usize>units * UNIT;
    row += stride;
  }
  for (let i = first; i < first + rows; i++) {
    store<i32>(offsets, i * p.yStride);
    offsets += 4;
  }
}

/** 4 rows × 8 columns, all of k. Stores 4 rows of 8 int32 that `rule.finish` has seen. */
@inline
function tile4x8<W, R>(
  rule: R,
  a: usize,
  w: usize,
  units: i32,
  to: usize,
  floor: v128,
  base: v128,
): void {
  const tail = w + <usize>units * 2 * offsetof<W>();
  let c0l = v128.load(tail);
  let c0h = v128.load(tail, 16);
  let c1l = c0l;
  let c1h = c0h;
  let c2l = c0l;
  let c2h = c0h;
  let c3l = c0l;
  let c3h = c0h;
  while (w < tail) {
    const w0l = changetype<W>(w).widen();
    const w0h = changetype<W>(w).widenSecond();
    const a00 = v128.load32_splat(a);
    c0l = i32x4.add(c0l, i32x4.dot_i16x8_s(a00, w0l));
    c0h = i32x4.add(c0h, i32x4.dot_i16x8_s(a00, w0h));
    const a01 = v128.load32_splat(a, 4);
    c1l = i32x4.add(c1l, i32x4.dot_i16x8_s(a01, w0l));
    c1h = i32x4.add(c1h, i32x4.dot_i16x8_s(a01, w0h));
    const a02 = v128.load32_splat(a, 8);
    c2l = i32x4.add(c2l, i32x4.dot_i16x8_s(a02, w0l));
    c2h = i32x4.add(c2h, i32x4.dot_i16x8_s(a02, w0h));
    const a03 = v128.load32_splat(a, 12);
    c3l = i32x4.add(c3l, i32x4.dot_i16x8_s(a03, w0l));
    c3h = i32x4.add(c3h, i32x4.dot_i16x8_s(a03, w0h));

    const w1l = changetype<W>(w).widenThird();
    const w1h = changetype<W>(w).widenFourth();
    const a10 = v128.load32_splat(a, 16);
    c0l = i32x4.add(c0l, i32x4.dot_i16x8_s(a10, w1l));
    c0h = i32x4.add(c0h, i32x4.dot_i16x8_s(a10, w1h));
    const a11 = v128.load32_splat(a, 20);
    c1l = i32x4.add(c1l, i32x4.dot_i16x8_s(a11, w1l));
    c1h = i32x4.add(c1h, i32x4.dot_i16x8_s(a11, w1h));
    const a12 = v128.load32_splat(a, 24);
    c2l = i32x4.add(c2l, i32x4.dot_i16x8_s(a12, w1l));
    c2h = i32x4.add(c2h, i32x4.dot_i16x8_s(a12, w1h));
    const a13 = v128.load32_splat(a, 28);
    c3l = i32x4.add(c3l, i32x4.dot_i16x8_s(a13, w1l));
    c3h = i32x4.add(c3h, i32x4.dot_i16x8_s(a13, w1h));
    a += 32;
    w += 4 * offsetof<W>();
  }
  const sl = v128.load(tail, 32);
  const sh = v128.load(tail, 48);
  v128.store(to, rule.finish(c0l, sl, floor, base));
  v128.store(to, rule.finish(c0h, sh, floor, base), 16);
  v128.store(to, rule.finish(c1l, sl, floor, base), 32);
  v128.store(to, rule.finish(c1h, sh, floor, base), 48);
  v128.store(to, rule.finish(c2l, sl, floor, base), 64);
  v128.store(to, rule.finish(c2h, sh, floor, base), 80);
  v128.store(to, rule.finish(c3l, sl, floor, base), 96);
  v128.store(to, rule.finish(c3h, sh, floor, base), 112);
  rule.settle(to, tail + 32);
  rule.settle(to + 32, tail + 32);
  rule.settle(to + 64, tail + 32);
  rule.settle(to + 96, tail + 32);
}

/** 1 row × 8 columns: a strip's rows behind its last full panel, and all of a matrix × vector. */
@inline
function tile1x8<W, R>(
  rule: R,
  a: usize,
  w: usize,
  units: i32,
  to: usize,
  floor: v128,
  base: v128,
): void {
  const tail = w + <usize>units * 2 * offsetof<W>();
  let cl = v128.load(tail);
  let ch = v128.load(tail, 16);
  while (w < tail) {
    const a0 = v128.load32_splat(a);
    cl = i32x4.add(cl, i32x4.dot_i16x8_s(a0, changetype<W>(w).widen()));
    ch = i32x4.add(ch, i32x4.dot_i16x8_s(a0, changetype<W>(w).widenSecond()));
    const a1 = v128.load32_splat(a, 4);
    cl = i32x4.add(cl, i32x4.dot_i16x8_s(a1, changetype<W>(w).widenThird()));
    ch = i32x4.add(ch, i32x4.dot_i16x8_s(a1, changetype<W>(w).widenFourth()));
    a += 8;
    w += 4 * offsetof<W>();
  }
  v128.store(to, rule.finish(cl, v128.load(tail, 32), floor, base));
  v128.store(to, rule.finish(ch, v128.load(tail, 48), floor, base), 16);
  rule.settle(to, tail + 32);
}

/** Panels of pairs of int8 weights: how `sweep` multiplies. Laid over a panel, never allocated. */
@unmanaged
export class PairsOfInt8 {

  @inline
  tile4x8<R>(rule: R, a: usize, units: i32, to: usize, floor: v128, base: v128): void {
    tile4x8<Int8, R>(rule, a, changetype<usize>(this), units, to, floor, base);
  }


  @inline
  tile1x8<R>(rule: R, a: usize, units: i32, to: usize, floor: v128, base: v128): void {
    tile1x8<Int8, R>(rule, a, changetype<usize>(this), units, to, floor, base);
  }
}

/** Panels of pairs of int16 weights. */
@unmanaged
export class PairsOfInt16 {

  @inline
  tile4x8<R>(rule: R, a: usize, units: i32, to: usize, floor: v128, base: v128): void {
    tile4x8<Int16, R>(rule, a, changetype<usize>(this), units, to, floor, base);
  }


  @inline
  tile1x8<R>(rule: R, a: usize, units: i32, to: usize, floor: v128, base: v128): void {
    tile1x8<Int16, R>(rule, a, changetype<usize>(this), units, to, floor, base);
  }
}

/** A packed strip against panels [first, last). W: how a panel is multiplied. */
function sweep<W, R>(p: GridParameters, rows: i32, first: i32, last: i32, scratch: usize): void {
  const rule = changetype<R>(p);
  const units = p.units;
  const floor = floorOf(p.low, p.zeroPoint);
  const base = baseOf(p.zeroPoint);
  const high = i8x16.splat(<i8>p.high);
  const flip = i8x16.splat(<i8>p.flip);
  const strip = stripOf(p, scratch);
  const offsets = scratch + OFFSETS;
  const panels = rows & ~(MR - 1);
  for (let panel = first; panel < last; panel++) {
    const w = openPanel(p, panel, <usize>units * PANEL_UNIT, p.weightOffset, scratch);
    const y = p.y + <usize>panel * NR;
    const columns = p.n - panel * NR;
    let a = strip;
    let row: usize = offsets;
    for (const end = row + <usize>panels * 4; row < end; row += 16) {
      changetype<W>(w).tile4x8<R>(rule, a, units, scratch, floor, base);
      const rows01 = narrowRows(scratch, scratch + 32, high, flip);
      const rows23 = narrowRows(scratch + 64, scratch + 96, high, flip);
      if (columns >= NR) {
        v128.store64_lane(y + load<u32>(row), rows01, 0);
        v128.store64_lane(y + load<u32>(row, 4), rows01, 1);
        v128.store64_lane(y + load<u32>(row, 8), rows23, 0);
        v128.store64_lane(y + load<u32>(row, 12), rows23, 1);
      } else {
        storePart64(y + load<u32>(row), i64x2.extract_lane(rows01, 0), columns);
        storePart64(y + load<u32>(row, 4), i64x2.extract_lane(rows01, 1), columns);
        storePart64(y + load<u32>(row, 8), i64x2.extract_lane(rows23, 0), columns);
        storePart64(y + load<u32>(row, 12), i64x2.extract_lane(rows23, 1), columns);
      }
      a += <usize>units * UNIT * MR;
    }
    for (const end = offsets + <usize>rows * 4; row < end; row += 4) {
      changetype<W>(w).tile1x8<R>(rule, a, units, scratch, floor, base);
      const codes = narrowRows(scratch, scratch, high, flip);
      storeCodes(y + load<u32>(row), i64x2.extract_lane(codes, 0), columns);
      a += <usize>units * UNIT;
    }
  }
}

/** One grid tile: its rows strip by strip, each strip packed once and swept by all its panels. */
@inline
export function integerTile<P, X, W>(p: P, scratch: usize, tile: i32): void {
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstRow = (tile / p.chunks) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  for (let row = firstRow; row < lastRow; row += p.stripRows) {
    const rows = min(p.stripRows, lastRow - row);
    p.pack<X>(row, rows, scratch);
    if (p.rule == RULE_FP32) sweep<W, Fp32Rule>(p, rows, firstPanel, lastPanel, scratch);
    else sweep<W, ReferenceRule>(p, rows, firstPanel, lastPanel, scratch);
  }
}

/** int8 · int8. */
export function gemm_i8_i8_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<GemmParameters, Int8, PairsOfInt8>(
    changetype<GemmParameters>(parameters),
    scratch,
    tile,
  );
}

/** uint8 · int8. */
export function gemm_u8_i8_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<GemmParameters, UInt8, PairsOfInt8>(
    changetype<GemmParameters>(parameters),
    scratch,
    tile,
  );
}

/** int8 · (weight − zero point) as int16. */
export function gemm_i8_i16_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<GemmParameters, Int8, PairsOfInt16>(
    changetype<GemmParameters>(parameters),
    scratch,
    tile,
  );
}

/** uint8 · (weight − zero point) as int16: legacy uint8 models. */
export function gemm_u8_i16_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<GemmParameters, UInt8, PairsOfInt16>(
    changetype<GemmParameters>(parameters),
    scratch,
    tile,
  );
}
