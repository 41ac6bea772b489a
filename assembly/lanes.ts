/**
 * Moves on vectors that several kernels share. v128 is untyped: names carry the lane type.
 * Nothing here knows an operator.
 */

/** a0 b0 a1 b1 */
@inline
export function interleaveLow32(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 0, 4, 1, 5);
}

/** a2 b2 a3 b3 */
@inline
export function interleaveHigh32(a: v128, b: v128): v128 {
  return v128.shuffle<i32>(a, b, 2, 6, 3, 7);
}

/** a0 a1 b0 b1 (32-bit lanes) */
@inline
export function lowHalves(a: v128, b: v128): v128 {
  return v128.shuffle<i64>(a, b, 0, 2);
}

/** a2 a3 b2 b3 (32-bit lanes) */
@inline
export function highHalves(a: v128, b: v128): v128 {
  return v128.shuffle<i64>(a, b, 1, 3);
}

/** Writes the low `count` (1..7) bytes of `bytes`, nothing beyond. */
@inline
export function storePart64(to: usize, bytes: u64, count: i32): void {
  if (count & 4) {
    store<u32>(to, <u32>bytes);
    bytes >>= 32;
    to += 4;
  }
  if (count & 2) {
    store<u16>(to, <u16>bytes);
    bytes >>= 16;
    to += 2;
  }
  if (count & 1) store<u8>(to, <u8>bytes);
}

/**
 * Copies `size` bytes in steps of 16. Reads and writes up to 15 bytes beyond: for scratch whose
 * tail is written later or never read.
 */
@inline
export function copyRun(to: usize, from: usize, size: usize): void {
  for (let i: usize = 0; i < size; i += 16) v128.store(to + i, v128.load(from + i));
}

/** Fills `size` bytes in steps of 16; writes up to 15 bytes beyond. */
@inline
export function fillRun(to: usize, value: v128, size: usize): void {
  for (let i: usize = 0; i < size; i += 16) v128.store(to + i, value);
}

/** a0 b0 … a3 b3 (16-bit lanes): the operand order of `i32x4.dot_i16x8_s`. */
@inline
export function interleaveLow16(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
}

/** a4 b4 … a7 b7 (16-bit lanes) */
@inline
export function interleaveHigh16(a: v128, b: v128): v128 {
  return v128.shuffle<i16>(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
}

/** a0 b0 … a7 b7 (8-bit lanes) */
@inline
export function interleaveLow8(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

/** a8 b8 … a15 b15 (8-bit lanes) */
@inline
export function interleaveHigh8(a: v128, b: v128): v128 {
  return v128.shuffle<i8>(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

/** Writes the first `count` (1..16) bytes of a vector, nothing beyond. */
@inline
export function storePart128(to: usize, bytes: v128, count: i32): void {
  if (count >= 16) {
    v128.store(to, bytes);
  } else if (count >= 8) {
    v128.store64_lane(to, bytes, 0);
    storePart64(to + 8, i64x2.extract_lane(bytes, 1), count - 8);
  } else {
    storePart64(to, i64x2.extract_lane(bytes, 0), count);
  }
}

/** Copies exactly `size` bytes between places that do not overlap. */
export function copyExact(to: usize, from: usize, size: usize): void {
  if (size >= 16) {
    // Above this size the engine's own copy is faster than the call to it is slow.
    if (size >= 512) {
      memory.copy(to, from, size);
      return;
    }
    const last = size - 16;
    for (let i: usize = 0; i < last; i += 16) v128.store(to + i, v128.load(from + i));
    v128.store(to + last, v128.load(from + last));
  } else if (size >= 8) {
    store<u64>(to, load<u64>(from));
    store<u64>(to + size - 8, load<u64>(from + size - 8));
  } else if (size >= 4) {
    store<u32>(to, load<u32>(from));
    store<u32>(to + size - 4, load<u32>(from + size - 4));
  } else {
    if (size & 2) store<u16>(to, load<u16>(from));
    if (size & 1) store<u8>(to + size - 1, load<u8>(from + size - 1));
  }
}

/** Fills exactly `size` bytes, a multiple of the width of the element that `value` repeats. */
@inline
export function fillExact(to: usize, value: v128, size: usize): void {
  if (size >= 16) {
    const last = size - 16;
    for (let i: usize = 0; i < last; i += 16) v128.store(to + i, value);
    v128.store(to + last, value);
  } else if (size >= 8) {
    v128.store64_lane(to, value, 0);
    v128.store64_lane(to + size - 8, value, 0);
  } else if (size >= 4) {
    v128.store32_lane(to, value, 0);
    v128.store32_lane(to + size - 4, value, 0);
  } else {
    if (size & 2) v128.store16_lane(to, value, 0);
    if (size & 1) v128.store8_lane(to + size - 1, value, 0);
  }
}
