/**
 * From int32 accumulators to 8-bit codes: the last stage of every integer GEMM, in the two rules of
 * docs/exactness.md. Computed on true-sign codes of int8; a uint8 result is the same value plus 128,
 * which is a flip of the top bit at the store.
 *
 * A rule is a class with two methods: `finish` acts on a vector of four accumulators in registers,
 * `settle` on a row of eight in memory. A rule that needs one leaves the other empty.
 */
import { storePart64 } from "./lanes";

/** The rule in `OutputParameters.rule`. */
export const RULE_FP32: i32 = 0;
export const RULE_FIXED: i32 = 1;
export const RULE_FLOAT64: i32 = 2;
/** As fixed, but ties of the final shift go toward +infinity. */
export const RULE_FIXED_UP: i32 = 3;

/** 1.5 · 2^23: adding it to |f| ≤ 2^22 rounds f to an integer, ties to even, in the low bits. */
const MAGIC: f32 = 12582912.0;
/** The bits of MAGIC. */
const MAGIC_BITS: i32 = 0x4b400000;

/** How accumulators become codes: the head of a parameter block. */
@unmanaged
export class OutputParameters {
  y: usize;
  /** Zero point and clamp range as int8 codes; uint8 codes minus 128. */
  zeroPoint: i32;
  low: i32;
  high: i32;
  /** 0 for int8 results, 0x80 for uint8. */
  flip: i32;
  rule: i32;
}

/**
 * Rule fp32, four lanes: RNE(f32(acc) · scale) + zeroPoint, clamped from below; the saturating
 * narrowing of `storeRow` clamps from above. `floor` = MAGIC_BITS + low − zeroPoint, `base` =
 * MAGIC_BITS − zeroPoint. Exact: while |f| ≤ 2^22 the sum f + MAGIC is a true integer; beyond, the
 * bits of positive floats are ordered like integers and those of negative floats are negative.
 */
@inline
export function requantizeFp32(acc: v128, scale: v128, floor: v128, base: v128): v128 {
  const rounded = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(acc), scale), f32x4.splat(MAGIC));
  return i32x4.sub(i32x4.max_s(rounded, floor), base);
}

/** `floor` of `requantizeFp32`. */
@inline
export function fp32Floor(p: OutputParameters): v128 {
  return i32x4.splat(MAGIC_BITS + p.low - p.zeroPoint);
}

/** `base` of `requantizeFp32`. */
@inline
export function fp32Base(p: OutputParameters): v128 {
  return i32x4.splat(MAGIC_BITS - p.zeroPoint);
}

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

/** acc · q · 2^(exponent − 31) rounded twice, ties of the final shift toward +infinity. */
@inline
function multiplyRoundingUp(acc: i32, q: i32, exponent: i32): i32 {
  const left = max(exponent, 0);
  const right = max(-exponent, 0);
  const high = (<i64>(acc << left) * <i64>q + (1 << 30)) >> 31;
  return <i32>((high + (((<i64>1) << right) >> 1)) >> right);
}

/** Nearest integer, ties away from zero. */
@inline
export function roundHalfAway(value: f64): f64 {
  const whole = trunc(value);
  return abs(value - whole) >= 0.5 ? whole + copysign<f64>(1, value) : whole;
}

/** Rule fp32. Multipliers: f32[8]. */
@unmanaged
export class Fp32Rule extends OutputParameters {

  @inline
  finish(acc: v128, scale: v128, floor: v128, base: v128): v128 {
    return requantizeFp32(acc, scale, floor, base);
  }


  @inline
  settle(row: usize, multipliers: usize): void {}
}

/** The other rules. Multipliers: int32 q[8] and int32 exponent[8], or f64[8]. */
@unmanaged
export class ReferenceRule extends OutputParameters {

  @inline
  finish(acc: v128, scale: v128, floor: v128, base: v128): v128 {
    return acc;
  }


  @inline
  settle(row: usize, multipliers: usize): void {
    settleReference(this, row, multipliers);
  }
}

/** Requantises the eight int32 of `row` in place. */
function settleReference(p: OutputParameters, row: usize, multipliers: usize): void {
  for (let i: usize = 0; i < 8; i++) {
    const acc = load<i32>(row + i * 4);
    let scaled: f64;
    if (p.rule == RULE_FLOAT64) {
      scaled = roundHalfAway(<f64>acc * load<f64>(multipliers + i * 8));
    } else {
      const q = load<i32>(multipliers + i * 4);
      const exponent = load<i32>(multipliers + i * 4, 32);
      scaled = <f64>(
        (p.rule == RULE_FIXED
          ? multiplyByQuantizedMultiplier(acc, q, exponent)
          : multiplyRoundingUp(acc, q, exponent))
      );
    }
    // Clamped before the conversion: the float64 rule may leave the int32 range.
    const clamped = min<f64>(max<f64>(scaled + <f64>p.zeroPoint, <f64>p.low), <f64>p.high);
    store<i32>(row + i * 4, <i32>clamped);
  }
}

/** Narrows two rows of eight requantised int32 to 16 codes, the first row in the low half. */
@inline
export function narrowRows(first: usize, second: usize, high: v128, flip: v128): v128 {
  const a = i16x8.narrow_i32x4_s(v128.load(first), v128.load(first, 16));
  const b = i16x8.narrow_i32x4_s(v128.load(second), v128.load(second, 16));
  return v128.xor(i8x16.min_s(i8x16.narrow_i16x8_s(a, b), high), flip);
}

/** Stores half `lane` of `codes`: eight codes, or `columns` < 8 of them. */
@inline
export function storeCodes(to: usize, codes: u64, columns: i32): void {
  if (columns >= 8) store<u64>(to, codes);
  else storePart64(to, codes, columns);
}

/** `floor` of `requantizeFp32` and `roundFp32`. */
@inline
export function floorOf(low: i32, zeroPoint: i32): v128 {
  return i32x4.splat(MAGIC_BITS + low - zeroPoint);
}

/** `base` of `requantizeFp32` and `roundFp32`. */
@inline
export function baseOf(zeroPoint: i32): v128 {
  return i32x4.splat(MAGIC_BITS - zeroPoint);
}

/** The last steps of rule fp32 for results that are float already: RNE(scaled) + zeroPoint. */
@inline
export function roundFp32(scaled: v128, floor: v128, base: v128): v128 {
  return i32x4.sub(i32x4.max_s(f32x4.add(scaled, f32x4.splat(MAGIC)), floor), base);
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
