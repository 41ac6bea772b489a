/**
 * How accumulators become 8-bit codes: the head of every such parameter block, and the stores of codes.
 * Computed on true-sign codes of int8; a uint8 result is the same value plus 128, a flip of the top bit.
 *
 * A rule is a class with two methods: `finish` acts on a vector of four accumulators in registers,
 * `settle` on a row of eight in memory. A rule that needs one leaves the other empty.
 */
import { storePart64 } from "../lanes";

/** The rule in `OutputParameters.rule`. */
export const RULE_FP32: i32 = 0;
export const RULE_FIXED: i32 = 1;
export const RULE_FLOAT64: i32 = 2;
/** As fixed, but ties of the final shift go toward +infinity. */
export const RULE_FIXED_UP: i32 = 3;
/** As fp32, where |accumulator · multiplier| < 2^22 is proven. */
export const RULE_SMALL_FP32: i32 = 4;

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

/** Narrows two rows of eight requantised int32 to 16 codes, the first row in the low half. */
@inline
export function narrowRows(first: usize, second: usize, high: v128, flip: v128): v128 {
  const a = i16x8.narrow_i32x4_s(v128.load(first), v128.load(first, 16));
  const b = i16x8.narrow_i32x4_s(v128.load(second), v128.load(second, 16));
  return v128.xor(i8x16.min_s(i8x16.narrow_i16x8_s(a, b), high), flip);
}

/** Stores the two halves of `codes`: eight codes each, or `columns` < 8 of them. */
@inline
export function storePair(codes: v128, ya: usize, yb: usize, columns: i32): void {
  if (columns >= 8) {
    v128.store64_lane(ya, codes, 0);
    v128.store64_lane(yb, codes, 1);
  } else {
    storePart64(ya, i64x2.extract_lane(codes, 0), columns);
    storePart64(yb, i64x2.extract_lane(codes, 1), columns);
  }
}

/** Stores half `lane` of `codes`: eight codes, or `columns` < 8 of them. */
@inline
export function storeCodes(to: usize, codes: u64, columns: i32): void {
  if (columns >= 8) store<u64>(to, codes);
  else storePart64(to, codes, columns);
}

/** `storePart64`, one copy of it. */
export function storeFew(to: usize, codes: u64, columns: i32): void {
  storePart64(to, codes, columns);
}
