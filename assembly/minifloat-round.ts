/**
 * What EncodeMinifloat and the value of its code make of a float32, without the code between them: the
 * number of the format nearest to f32(x / scale), ties to even, saturating. As float32, or in the
 * format's unit as int8 or int16. Float32 zeros keep the sign of x, also where the format has no −0; a NaN
 * without a code is +0, not the −0 of its code; a NaN with one keeps x's payload. Only layers read
 * these values: their sums start from +0, to which a product of either zero adds nothing, and float32
 * results with NaN are made canonical.
 */
import { storePart128 } from "./lanes";


@unmanaged
export class RoundParameters {
  x: usize;
  y: usize;
  count: i32;
  /** Values of a tile, a multiple of 16. */
  tileCount: i32;
  /** Bits of the smallest normal number; what makes the bits of 2^e those of 1.5 · 2^(23 + e − M). */
  leastNormal: i32;
  more: i32;
  /** −1 where NaN stays NaN, 0 where it becomes 0. */
  nan: i32;
  /** A mask of the bytes, or words, of y that have their top bit flipped. */
  flip: i32;
  max: f32;
  scale: f32;
  /** Makes values integers. */
  unit: f32;
}

/** Of a float32: 2^e. */
const EXPONENT: i32 = 0x7f800000;
/** 1.5 · 2^23: added to an integer it leaves it in the lowest bits. */
const MAGIC: f32 = 12582912.0;
const MAGIC_BITS: i32 = 0x4b400000;

/**
 * Magnitudes of the format nearest to four magnitudes; NaN stays. Added to 1.5 · 2^(23 + e − M), a magnitude in
 * [2^e, 2^(e + 1)) is rounded to M bits behind its first one, ties to even; smaller ones than the smallest normal number to
 * its last place.
 */
@inline
export function nearest4(magnitude: v128, max: v128, leastNormal: v128, more: v128): v128 {
  const value = f32x4.pmin(magnitude, max);
  const own = i32x4.max_s(v128.and(value, i32x4.splat(EXPONENT)), leastNormal);
  const step = i32x4.add(own, more);
  return f32x4.sub(f32x4.add(value, step), step);
}

/** Four numbers of the format, NaN among them. */
@inline
function round4(scaled: v128, max: v128, leastNormal: v128, more: v128): v128 {
  const sign = v128.and(scaled, i32x4.splat(0x80000000));
  return v128.or(nearest4(f32x4.abs(scaled), max, leastNormal, more), sign);
}

/** Four numbers as integers: exact. */
@inline
function integers4(scaled: v128, max: v128, leastNormal: v128, more: v128, unit: v128): v128 {
  const numbers = v128.and(round4(scaled, max, leastNormal, more), f32x4.eq(scaled, scaled));
  const integers = f32x4.add(f32x4.mul(numbers, unit), f32x4.splat(MAGIC));
  return i32x4.sub(integers, i32x4.splat(MAGIC_BITS));
}

export function round_f32_f32(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<RoundParameters>(parameters);
  const scale = f32x4.splat(p.scale);
  const max = f32x4.splat(p.max);
  const leastNormal = i32x4.splat(p.leastNormal);
  const more = i32x4.splat(p.more);
  const nan = i32x4.splat(p.nan);
  const start = tile * p.tileCount;
  let x = p.x + ((start as usize) << 2);
  let y = p.y + ((start as usize) << 2);
  for (let left = min(p.tileCount, p.count - start); left > 0; left -= 4) {
    const scaled = f32x4.div(v128.load(x), scale);
    const isKept = v128.or(f32x4.eq(scaled, scaled), nan);
    const value = v128.and(round4(scaled, max, leastNormal, more), isKept);
    if (left >= 4) v128.store(y, value);
    else storePart128(y, value, left << 2);
    x += 16;
    y += 16;
  }
}

export function round_f32_i8(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<RoundParameters>(parameters);
  const scale = f32x4.splat(p.scale);
  const max = f32x4.splat(p.max);
  const leastNormal = i32x4.splat(p.leastNormal);
  const more = i32x4.splat(p.more);
  const unit = f32x4.splat(p.unit);
  const flip = i32x4.splat(p.flip);
  const start = tile * p.tileCount;
  let x = p.x + ((start as usize) << 2);
  let y = p.y + (start as usize);
  for (let left = min(p.tileCount, p.count - start); left > 0; left -= 16) {
    const a = integers4(f32x4.div(v128.load(x), scale), max, leastNormal, more, unit);
    const b = integers4(f32x4.div(v128.load(x, 16), scale), max, leastNormal, more, unit);
    const c = integers4(f32x4.div(v128.load(x, 32), scale), max, leastNormal, more, unit);
    const d = integers4(f32x4.div(v128.load(x, 48), scale), max, leastNormal, more, unit);
    const codes = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
    storePart128(y, v128.xor(codes, flip), left);
    x += 64;
    y += 16;
  }
}

export function round_f32_i16(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<RoundParameters>(parameters);
  const scale = f32x4.splat(p.scale);
  const max = f32x4.splat(p.max);
  const leastNormal = i32x4.splat(p.leastNormal);
  const more = i32x4.splat(p.more);
  const unit = f32x4.splat(p.unit);
  const start = tile * p.tileCount;
  let x = p.x + ((start as usize) << 2);
  let y = p.y + ((start as usize) << 1);
  for (let left = min(p.tileCount, p.count - start); left > 0; left -= 8) {
    const a = integers4(f32x4.div(v128.load(x), scale), max, leastNormal, more, unit);
    const b = integers4(f32x4.div(v128.load(x, 16), scale), max, leastNormal, more, unit);
    const codes = i16x8.narrow_i32x4_s(a, b);
    if (left >= 8) v128.store(y, codes);
    else storePart128(y, codes, left << 1);
    x += 32;
    y += 16;
  }
}
