/**
 * Moves on vectors that several kernels share. v128 is untyped: names carry the lane type.
 * Nothing here knows an operator.
 */

/** (a0, b0, a1, b1, … a3, b3) in 16-bit lanes: the operand order of `i32x4.dot_i16x8_s`. */
@inline
export function interleaveLow_i16(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

/** (a4, b4, … a7, b7) in 16-bit lanes. */
@inline
export function interleaveHigh_i16(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** (a0, b0, … a7, b7) in 8-bit lanes. */
@inline
export function interleaveLow_i8(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

/** (a8, b8, … a15, b15) in 8-bit lanes. */
@inline
export function interleaveHigh_i8(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/** Writes the first `count` < 8 bytes of the low half of `v` and nothing else. */
@inline
export function storeBytesBelow8(y: usize, v: v128, count: i32): void {
  let bits = i64x2.extract_lane(v, 0);
  let p = y;
  if (count & 4) {
    store<i32>(p, <i32>bits);
    bits >>= 32;
    p += 4;
  }
  if (count & 2) {
    store<i16>(p, <i16>bits);
    bits >>= 16;
    p += 2;
  }
  if (count & 1) store<i8>(p, <i8>bits);
}

/** Writes the first `count` < 16 bytes of `v` and nothing else. */
@inline
export function storeBytesBelow16(y: usize, v: v128, count: i32): void {
  let p = y;
  let rest = v;
  if (count & 8) {
    v128.store64_lane(p, v, 0);
    rest = i64x2.splat(i64x2.extract_lane(v, 1));
    p += 8;
  }
  storeBytesBelow8(p, rest, count & 7);
}
