/**
 * What panels of weights in OCP Microscaling blocks have more than others: a scale for each 32 of k of a tap and each
 * column, which the weights that are open are multiplied by, and elements that are int8.
 */
import { NR } from "./grid";

/** k of a block; the last one of a tap may have fewer. */
const BLOCK: i32 = 32;
/** Bytes of a unit that is open: 8 columns of one k. */
const UNIT: usize = 32;
/** Of the elements of MXINT8. */
const STEP: f32 = 1.0 / 64.0;

/** Four E8M0 codes in 32-bit lanes as float32: 2^(code − 127), of which 2^−127 is subnormal. */
@inline
function powersOf(codes: v128): v128 {
  return i32x4.max_s(i32x4.shl(codes, 23), i32x4.splat(0x00400000));
}

/**
 * Units [first, first + count) of a panel, open from `to` on, times their scales: E8M0 codes [tap][block][8 columns].
 * @param tap k of a tap
 */
export function scaleBlocks(scales: usize, tap: i32, first: i32, count: i32, to: usize): void {
  let k = first % tap;
  const before = (first / tap) * ((tap + BLOCK - 1) / BLOCK) + k / BLOCK;
  let at = scales + <usize>(before * NR);
  for (let left = count; left > 0;) {
    const codes = v128.load_ext<u8>(at);
    const low = powersOf(i32x4.extend_low_i16x8_u(codes));
    const high = powersOf(i32x4.extend_high_i16x8_u(codes));
    const own = min(min(BLOCK - (k % BLOCK), tap - k), left);
    for (const end = to + <usize>own * UNIT; to < end; to += UNIT) {
      v128.store(to, f32x4.mul(v128.load(to), low));
      v128.store(to, f32x4.mul(v128.load(to, 16), high), 16);
    }
    k += own;
    if (k == tap) k = 0;
    left -= own;
    at += NR;
  }
}

/** int8 in steps of 2^−6 as float32. */
@inline
export function openIntegers(codes: usize, to: usize, end: usize): void {
  for (; to < end; to += UNIT) {
    const pairs = v128.load_ext<i8>(codes);
    const low = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(pairs));
    const high = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(pairs));
    v128.store(to, f32x4.mul(low, f32x4.splat(STEP)));
    v128.store(to, f32x4.mul(high, f32x4.splat(STEP)), 16);
    codes += NR;
  }
}
