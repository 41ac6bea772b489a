/**
 * Philox4x32-10 for four counters side by side, equal to `philox4x32` of src/quantization/philox.ts.
 * The lanes are four outputs, the four result vectors are the draws of four roundings of each.
 */

/** Lanes 1 and 3 of two vectors: the upper halves of four 64-bit products. */
@inline
function oddWords(even: v128, odd: v128): v128 {
  return v128.shuffle<i32>(even, odd, 1, 3, 5, 7);
}


@inline
function evenWords(even: v128, odd: v128): v128 {
  return v128.shuffle<i32>(even, odd, 0, 2, 4, 6);
}

/** Writes 4 vectors: word 0 of the four blocks, word 1, word 2, word 3. */
@inline
export function philox4(
  c0: v128,
  c1: v128,
  c2: v128,
  c3: v128,
  key0: i32,
  key1: i32,
  to: usize,
): void {
  const multiplier0 = i32x4.splat(0xd2511f53);
  const multiplier1 = i32x4.splat(0xcd9e8d57);
  for (let round = 0; round < 10; round++) {
    const even0 = i64x2.extmul_low_i32x4_u(c0, multiplier0);
    const odd0 = i64x2.extmul_high_i32x4_u(c0, multiplier0);
    const even1 = i64x2.extmul_low_i32x4_u(c2, multiplier1);
    const odd1 = i64x2.extmul_high_i32x4_u(c2, multiplier1);
    c0 = v128.xor(v128.xor(oddWords(even1, odd1), c1), i32x4.splat(key0));
    c1 = evenWords(even1, odd1);
    c2 = v128.xor(v128.xor(oddWords(even0, odd0), c3), i32x4.splat(key1));
    c3 = evenWords(even0, odd0);
    key0 += 0x9e3779b9;
    key1 += 0xbb67ae85;
  }
  v128.store(to, c0);
  v128.store(to, c1, 16);
  v128.store(to, c2, 32);
  v128.store(to, c3, 48);
}
