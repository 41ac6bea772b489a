/**
 * Philox4x32-10 for four counters side by side, equal to `philox4x32` of src/quantization/philox.ts.
 * The lanes are four outputs, the four result vectors are the draws of four roundings of each.
 *
 * Counters differ in their first word only. So the first round has one product of vectors in place of
 * two, and the second one as well; all else of the two, and the keys of the others, are words that
 * `prepareKeys` writes once.
 */

const MULTIPLIER0: u32 = 0xd2511f53;
const MULTIPLIER1: u32 = 0xcd9e8d57;
const KEY_STEP0: u32 = 0x9e3779b9;
const KEY_STEP1: u32 = 0xbb67ae85;

/** Words that vectors are combined with: three for rounds 1 and 2, then two for each of rounds 3 to 10. */
export const KEY_BYTES: usize = (3 + 2 * 8) * 4;

/** Writes `KEY_BYTES`. */
export function prepareKeys(
  key0: u32,
  key1: u32,
  layer: u32,
  step: u32,
  stream: u32,
  to: usize,
): void {
  const first = (MULTIPLIER1 as u64) * (step as u64);
  store<u32>(to, stream ^ key1);
  const second = (MULTIPLIER0 as u64) * (((first >> 32) as u32) ^ layer ^ key0);
  key0 += KEY_STEP0;
  key1 += KEY_STEP1;
  store<u32>(to, (first as u32) ^ key0, 4);
  store<u32>(to, ((second >> 32) as u32) ^ key1, 8);
  // The last word of the second round goes into the third.
  let word = second as u32;
  for (let round: usize = 2; round < 10; round++) {
    key0 += KEY_STEP0;
    key1 += KEY_STEP1;
    to += 8;
    store<u32>(to, key0, 4);
    store<u32>(to, key1 ^ word, 8);
    word = 0;
  }
}

/** Lanes 1 and 3 of two vectors: the upper halves of four 64-bit products. */
@inline
function oddWords(even: v128, odd: v128): v128 {
  return v128.shuffle<i32>(even, odd, 1, 3, 5, 7);
}


@inline
function evenWords(even: v128, odd: v128): v128 {
  return v128.shuffle<i32>(even, odd, 0, 2, 4, 6);
}

/**
 * Writes 2 × 4 vectors: word 0 of the four blocks, word 1, word 2, word 3. Two at a time: one waits for
 * products while the other has some to combine.
 */
@inline
export function philox8(counter: v128, other: v128, keys: usize, to: usize): void {
  const multiplier0 = i32x4.splat(MULTIPLIER0);
  const multiplier1 = i32x4.splat(MULTIPLIER1);
  let even0 = i64x2.extmul_low_i32x4_u(counter, multiplier0);
  let odd0 = i64x2.extmul_high_i32x4_u(counter, multiplier0);
  let even2 = i64x2.extmul_low_i32x4_u(other, multiplier0);
  let odd2 = i64x2.extmul_high_i32x4_u(other, multiplier0);
  let key = v128.load32_splat(keys);
  let c2 = v128.xor(oddWords(even0, odd0), key);
  let d2 = v128.xor(oddWords(even2, odd2), key);
  let even1 = i64x2.extmul_low_i32x4_u(c2, multiplier1);
  let odd1 = i64x2.extmul_high_i32x4_u(c2, multiplier1);
  let even3 = i64x2.extmul_low_i32x4_u(d2, multiplier1);
  let odd3 = i64x2.extmul_high_i32x4_u(d2, multiplier1);
  key = v128.load32_splat(keys, 4);
  let c0 = v128.xor(oddWords(even1, odd1), key);
  let d0 = v128.xor(oddWords(even3, odd3), key);
  let c1 = evenWords(even1, odd1);
  let d1 = evenWords(even3, odd3);
  key = v128.load32_splat(keys, 8);
  c2 = v128.xor(evenWords(even0, odd0), key);
  d2 = v128.xor(evenWords(even2, odd2), key);
  let c3 = i32x4.splat(0);
  let d3 = c3;
  for (const end = keys + 64; keys < end;) {
    keys += 8;
    const key0 = v128.load32_splat(keys, 4);
    const key1 = v128.load32_splat(keys, 8);
    even0 = i64x2.extmul_low_i32x4_u(c0, multiplier0);
    odd0 = i64x2.extmul_high_i32x4_u(c0, multiplier0);
    c3 = v128.xor(c3, key1);
    c1 = v128.xor(c1, key0);
    even1 = i64x2.extmul_low_i32x4_u(c2, multiplier1);
    odd1 = i64x2.extmul_high_i32x4_u(c2, multiplier1);
    c0 = v128.xor(oddWords(even1, odd1), c1);
    c1 = evenWords(even1, odd1);
    c2 = v128.xor(oddWords(even0, odd0), c3);
    c3 = evenWords(even0, odd0);
    even2 = i64x2.extmul_low_i32x4_u(d0, multiplier0);
    odd2 = i64x2.extmul_high_i32x4_u(d0, multiplier0);
    d3 = v128.xor(d3, key1);
    d1 = v128.xor(d1, key0);
    even3 = i64x2.extmul_low_i32x4_u(d2, multiplier1);
    odd3 = i64x2.extmul_high_i32x4_u(d2, multiplier1);
    d0 = v128.xor(oddWords(even3, odd3), d1);
    d1 = evenWords(even3, odd3);
    d2 = v128.xor(oddWords(even2, odd2), d3);
    d3 = evenWords(even2, odd2);
  }
  v128.store(to, c0);
  v128.store(to, c1, 16);
  v128.store(to, c2, 32);
  v128.store(to, c3, 48);
  v128.store(to, d0, 64);
  v128.store(to, d1, 80);
  v128.store(to, d2, 96);
  v128.store(to, d3, 112);
}
