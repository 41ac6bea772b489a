/** The fixed-point rules of docs/exactness.md: one value, or vectors of four. */

/** MBQM: gemmlowp's double rounding of acc · q · 2^(exponent − 31). */
@inline
export function multiplyByQuantizedMultiplier(acc: i32, q: i32, exponent: i32): i32 {
  const left = max(exponent, 0);
  const right = max(-exponent, 0);
  const high = <i32>((<i64>(acc << left) * <i64>q + (1 << 30)) >> 31);
  const mask = <i32>(((<i64>1) << right) - 1);
  const threshold = (mask >> 1) + i32(high < 0);
  return (high >> right) + i32((high & mask) > threshold);
}

/** sat(MBQM(acc, (q, exponent)) + zeroPoint) to [low, high]. */
@inline
export function requantizeFixed(
  acc: i32,
  q: i32,
  exponent: i32,
  zeroPoint: i32,
  low: i32,
  high: i32,
): i32 {
  const scaled = multiplyByQuantizedMultiplier(acc, q, exponent);
  // Clamped before the zero point is added: the sum may leave int32.
  return min(max(scaled, low - zeroPoint), high - zeroPoint) + zeroPoint;
}

/**
 * MBQM of four lanes with one multiplier. `left` = max(exponent, 0), `right` = max(−exponent, 0): a
 * count for all lanes needs no second multiply.
 */
@inline
export function multiplyByQuantizedMultipliers(acc: v128, q: v128, left: i32, right: i32): v128 {
  const rounded = multiplyShift31(i32x4.shl(acc, left), q);
  const mask = <i32>(((<i64>1) << right) - 1);
  const remainder = v128.and(rounded, i32x4.splat(mask));
  // Half, and one more where the number is negative: a comparison's true is −1.
  const threshold = i32x4.sub(i32x4.splat(mask >> 1), i32x4.shr_s(rounded, 31));
  return i32x4.sub(i32x4.shr_s(rounded, right), i32x4.gt_s(remainder, threshold));
}

/** (x · factor + 2^30) >> 31 in 64 bits, low words. */
@inline
function multiplyShift31(x: v128, factor: v128): v128 {
  const half = i64x2.splat(1 << 30);
  const low = i64x2.add(i64x2.extmul_low_i32x4_s(x, factor), half);
  const high = i64x2.add(i64x2.extmul_high_i32x4_s(x, factor), half);
  return v128.shuffle<i32>(i64x2.shr_u(low, 31), i64x2.shr_u(high, 31), 0, 2, 4, 6);
}

/** 2^exponent for exponents 0..31, as words. */
@inline
function powersOfTwo(exponents: v128): v128 {
  return i32x4.trunc_sat_f32x4_u(i32x4.shl(i32x4.add(exponents, i32x4.splat(127)), 23));
}

/**
 * Rules fixed and fixed-up, four lanes. Both roundings are one multiply and shift by 31, since no vector
 * shift takes a count per lane:
 *
 *     SRDHM(x, q) = (x·q + 2^30) >> 31
 *     RDPOT(x, k) = (x − [x < 0] + 2^(k−1)) >> k = ((x − [x < 0])·2^(31−k) + 2^30) >> 31,  k > 0
 *
 * Without −[x < 0] ties go upward. k = 0 shows as the factor 2^31, a negative word. `away`: all ones
 * for ties away from zero, else 0.
 */
@inline
export function requantizeFixedLanes(acc: v128, q: v128, exponents: v128, away: v128): v128 {
  const zero = i32x4.splat(0);
  const left = powersOfTwo(i32x4.max_s(exponents, zero));
  const right = powersOfTwo(i32x4.add(i32x4.min_s(exponents, zero), i32x4.splat(31)));
  return requantizeFixedFactors(acc, q, left, right, away);
}

/** The same with both powers of two at hand: 2^max(exponent, 0) and 2^(31 + min(exponent, 0)). */
@inline
export function requantizeFixedFactors(
  acc: v128,
  q: v128,
  left: v128,
  right: v128,
  away: v128,
): v128 {
  const x = multiplyShift31(i32x4.mul(acc, left), q);
  const below = v128.and(i32x4.shr_s(x, 31), away);
  const rounded = multiplyShift31(i32x4.add(x, below), right);
  return v128.bitselect(x, rounded, i32x4.lt_s(right, i32x4.splat(0)));
}

/**
 * The same where the lanes share a shift and all multipliers are below ½: with factors f = 2^(shift − k),
 *
 *     N = (x·q + 2^30)·f,   h = N >> 32
 *     RDPOT(SRDHM(x, q), k) = (h − [h < 0]·f/2 + 2^(shift−2)) >> (shift − 1)
 *
 * since a shift of a shifted sum is one shift of the sum, and what is added behind the first one, times f,
 * is a multiple of 2^32. |x| ≤ limit keeps x·f in int32; beyond it results are past every code.
 */
@inline
export function requantizeShifted(
  acc: v128,
  q: v128,
  factor: v128,
  limit: v128,
  half: v128,
  shift: i32,
  away: v128,
): v128 {
  const x = i32x4.max_s(i32x4.min_s(acc, limit), i32x4.neg(limit));
  const scaled = i32x4.mul(x, factor);
  const low = i64x2.add(
    i64x2.extmul_low_i32x4_s(scaled, q),
    i64x2.shl(i64x2.extend_low_i32x4_u(factor), 30),
  );
  const high = i64x2.add(
    i64x2.extmul_high_i32x4_s(scaled, q),
    i64x2.shl(i64x2.extend_high_i32x4_u(factor), 30),
  );
  const h = v128.shuffle<i32>(low, high, 1, 3, 5, 7);
  const below = v128.and(v128.and(i32x4.shr_s(h, 31), away), i32x4.shr_u(factor, 1));
  return i32x4.shr_s(i32x4.add(i32x4.sub(h, below), half), shift);
}
