/**
 * The output stage: int32 accumulators become 8-bit codes, by either rounding rule.
 *
 * Rule `fp32`: RNE(clamp(f32(f32(acc) · m))) + z. Adding 1.5·2^23 rounds to the nearest even integer
 * and leaves it in the low mantissa bits, so that clamp, zero point and narrowing are integer steps
 * on the same bits: true for |acc · m| ≤ 2^22, and beyond that positive floats are ordered like
 * integers and negative floats are negative integers, so the clamps still give the right end.
 */

/** The bits of 1.5·2^23. */
export const MAGIC_BITS: i32 = 0x4b400000;

/** 1.5·2^23 in four lanes. */
@inline
export function magic_f32(): v128 {
  return f32x4.splat(12582912.0);
}

/** The `floor` operand of requantize_fp32 for the lowest code `low`. */
@inline
export function magicFloor(low: i32, zeroPoint: i32): v128 {
  return i32x4.splat(MAGIC_BITS + low - zeroPoint);
}

/** The `origin` operand of requantize_fp32. */
@inline
export function magicOrigin(zeroPoint: i32): v128 {
  return i32x4.splat(MAGIC_BITS - zeroPoint);
}

/** Four float32 results as codes with the zero point in, at least `low`; not yet clamped above. */
@inline
export function round_fp32(scaled: v128, magic: v128, floor: v128, origin: v128): v128 {
  return i32x4.sub(i32x4.max_s(f32x4.add(scaled, magic), floor), origin);
}

/** Four accumulators as codes with the zero point in, at least `low`; not yet clamped above. */
@inline
export function requantize_fp32(
  accumulators: v128,
  multipliers: v128,
  magic: v128,
  floor: v128,
  origin: v128,
): v128 {
  const scaled = f32x4.mul(f32x4.convert_i32x4_s(accumulators), multipliers);
  return round_fp32(scaled, magic, floor, origin);
}

/** Eight codes of two halves as int16, saturated upwards, in both halves of an int8 vector. */
@inline
export function narrow_i8(low: v128, high: v128, most: v128): v128 {
  const codes = i16x8.narrow_i32x4_s(low, high);
  return i8x16.min_s(i8x16.narrow_i16x8_s(codes, codes), most);
}

/**
 * Rule `tflite-reference`: MBQM(x, (q, exponent)) with gemmlowp's double rounding
 * (docs/exactness.md). x · 2^max(exponent, 0) wraps to 32 bits as in TFLite.
 */
@inline
export function multiplyByQuantizedMultiplier(x: i32, q: i32, exponent: i32): i32 {
  const left = max(exponent, 0);
  const right = left - exponent;
  // SRDHM: ties toward +infinity; q ≥ 0, so the product never saturates.
  const high = <i32>((<i64>(x << left) * <i64>q + ((<i64>1) << 30)) >> 31);
  // RDPOT: ties away from zero.
  const mask = <i32>(((<i64>1) << right) - 1);
  const remainder = high & mask;
  const threshold = (mask >> 1) + i32(high < 0);
  return (high >> right) + i32(remainder > threshold);
}

/** sat(MBQM(x, (q, exponent)) + z) for the range [low, high] of codes. */
@inline
export function requantize_fixed(
  x: i32,
  q: i32,
  exponent: i32,
  zeroPoint: i32,
  low: i32,
  high: i32,
): i32 {
  const scaled = multiplyByQuantizedMultiplier(x, q, exponent);
  // Clamped before the zero point is added: the sum would leave int32 at the ends.
  return min(max(scaled, low - zeroPoint), high - zeroPoint) + zeroPoint;
}
