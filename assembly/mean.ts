/**
 * Mean and sum over the middle of x [outer, depth, inner]: y[o, i] from Σ x[o, ·, i]. A tile is some
 * o, or some vectors of `inner` of one o; each sum runs over all of depth, in order.
 *
 * Codes: int16 sums of at most 128 rows, |S| ≤ 128 · 255 = 32,640, then int32, which `infer` bounds.
 * Rule `fp32`: RNE(f32(f32(f32(S) · scale) + offset)); rule `tflite-reference`: MBQM(S − n·z_x). Codes
 * that lie 128 above those that the rule speaks of: S less 128·n, results 128 higher.
 */
import { storePart128, storePart64 } from "./lanes";
import { requantizeFixed } from "./requantize/fixed-point";
import { baseOf, floorOf, roundFp32 } from "./requantize/fp32";


@unmanaged
class MeanParameters {
  x: usize;
  y: usize;
  outer: i32;
  depth: i32;
  inner: i32;
  tileOuter: i32;
  tileColumns: i32;
  tilesPerRow: i32;
  /** The codes' range. */
  low: i32;
  high: i32;
  scale: f32;
  offset: f32;
  /** Rule fp32: what S is too high; else n·z_x. */
  inputOffset: i32;
  q: i32;
  exponent: i32;
  /** Rule fp32: what is added to results, which have their zero point from `offset`. */
  zeroPoint: i32;
}

const SHORT_ROWS: i32 = 128;


@inline
function mean_8(parameters: usize, scratch: usize, tile: i32, isUnsigned: bool, fixed: bool): void {
  const p = changetype<MeanParameters>(parameters);
  const first = (tile / p.tilesPerRow) * p.tileOuter;
  const start = (tile % p.tilesPerRow) * p.tileColumns;
  const end = min(start + p.tileColumns, p.inner);
  const scale = f32x4.splat(p.scale);
  const offset = f32x4.splat(p.offset);
  const floor = floorOf(p.low, p.zeroPoint);
  const base = baseOf(p.zeroPoint);
  for (let outer = first; outer < min(first + p.tileOuter, p.outer); outer++) {
    const x = p.x + outer * p.depth * p.inner;
    const y = p.y + outer * p.inner;
    for (let column = start; column < end; column += 8) {
      let at = x + column;
      let low = i32x4.splat(0);
      let high = i32x4.splat(0);
      for (let left = p.depth; left > 0; left -= SHORT_ROWS) {
        let sums = i16x8.splat(0);
        for (let k = min(left, SHORT_ROWS); k > 0; k--) {
          sums = i16x8.add(sums, isUnsigned ? v128.load8x8_u(at) : v128.load8x8_s(at));
          at += p.inner;
        }
        low = i32x4.add(low, i32x4.extend_low_i16x8_s(sums));
        high = i32x4.add(high, i32x4.extend_high_i16x8_s(sums));
      }
      const count = min(end - column, 8);
      if (fixed) {
        v128.store(scratch, low);
        v128.store(scratch, high, 16);
        for (let i = 0; i < count; i++) {
          const sum = load<i32>(scratch + (i << 2)) - p.inputOffset;
          const code = requantizeFixed(sum, p.q, p.exponent, p.zeroPoint, p.low, p.high);
          store<i8>(y + column + i, <i8>code);
        }
      } else {
        const excess = i32x4.splat(p.inputOffset);
        low = f32x4.convert_i32x4_s(i32x4.sub(low, excess));
        high = f32x4.convert_i32x4_s(i32x4.sub(high, excess));
        low = f32x4.add(f32x4.mul(low, scale), offset);
        high = f32x4.add(f32x4.mul(high, scale), offset);
        const codes = i16x8.narrow_i32x4_s(
          roundFp32(low, floor, base),
          roundFp32(high, floor, base),
        );
        const narrow = isUnsigned
          ? i8x16.narrow_i16x8_u(codes, codes)
          : i8x16.narrow_i16x8_s(codes, codes);
        if (count == 8) v128.store64_lane(y + column, narrow, 0);
        else storePart64(y + column, i64x2.extract_lane(narrow, 0), count);
      }
    }
  }
}

export function mean_i8(parameters: usize, scratch: usize, tile: i32): void {
  mean_8(parameters, scratch, tile, false, false);
}

export function mean_u8(parameters: usize, scratch: usize, tile: i32): void {
  mean_8(parameters, scratch, tile, true, false);
}

export function mean_i8_fixed(parameters: usize, scratch: usize, tile: i32): void {
  mean_8(parameters, scratch, tile, false, true);
}

export function mean_u8_fixed(parameters: usize, scratch: usize, tile: i32): void {
  mean_8(parameters, scratch, tile, true, true);
}

/** From 0 in the order of rows, then one division by `scale`: the count, or 1 for a sum. */
export function mean_f32(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<MeanParameters>(parameters);
  const first = (tile / p.tilesPerRow) * p.tileOuter;
  const start = (tile % p.tilesPerRow) * p.tileColumns;
  const end = min(start + p.tileColumns, p.inner);
  const divisor = f32x4.splat(p.scale);
  for (let outer = first; outer < min(first + p.tileOuter, p.outer); outer++) {
    const x = p.x + ((outer * p.depth * p.inner) << 2);
    const y = p.y + ((outer * p.inner) << 2);
    for (let column = start; column < end; column += 4) {
      let at = x + (column << 2);
      let sums = f32x4.splat(0);
      for (let k = p.depth; k > 0; k--) {
        sums = f32x4.add(sums, v128.load(at));
        at += p.inner << 2;
      }
      storePart128(y + (column << 2), f32x4.div(sums, divisor), min(end - column, 4) << 2);
    }
  }
}
