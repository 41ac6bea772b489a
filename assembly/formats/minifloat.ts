/**
 * Minifloats of 8, 6 and 4 bits: packed codes as views, and 16 codes → 16 float32 without a branch.
 *
 * Every value of such a format is the upper half of a float32, so the arithmetic is done on eight
 * 16-bit lanes and a zero half is interleaved at the end:
 *
 *     half = sign · 2^15 | (magnitude << (7 − M)) + ((127 − bias) << 7)
 *
 * That holds for magnitudes with an exponent above 0. Magnitudes below 16, among which are all
 * subnormals (M ≤ 4), come from a table of 16 halves, in place of float32 subnormals, which are slow.
 */
import { interleaveHigh16, interleaveHigh8, interleaveLow16, interleaveLow8 } from "../lanes";

/** Codes that one view holds. */
export const GROUP = 16;

/** 16 codes in 16 bytes. */
@unmanaged
export class Codes8 {
  low: u64;
  high: u64;


  @inline
  unpack(): v128 {
    return v128.load(changetype<usize>(this));
  }


  @inline
  pack(codes: v128): v128 {
    return codes;
  }
}

/** 16 codes in 12 bytes: four codes in three bytes, the first in the lowest bits. */
@unmanaged
export class Codes6 {
  first: u32;
  second: u32;
  third: u32;

  /** Reads 4 bytes more. */
  @inline
  unpack(): v128 {
    const bytes = v128.load(changetype<usize>(this));
    const words = v128.shuffle<i8>(bytes, bytes, 0, 1, 2, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 10, 11, 11);
    const first = v128.and(words, i32x4.splat(0x3f));
    const second = v128.and(i32x4.shl(words, 2), i32x4.splat(0x3f00));
    const third = v128.and(i32x4.shl(words, 4), i32x4.splat(0x3f0000));
    const fourth = v128.and(i32x4.shl(words, 6), i32x4.splat(0x3f000000));
    return v128.or(v128.or(first, second), v128.or(third, fourth));
  }


  @inline
  pack(codes: v128): v128 {
    const first = v128.and(codes, i32x4.splat(0x3f));
    const second = v128.and(i32x4.shr_u(codes, 2), i32x4.splat(0xfc0));
    const third = v128.and(i32x4.shr_u(codes, 4), i32x4.splat(0x3f000));
    const fourth = v128.and(i32x4.shr_u(codes, 6), i32x4.splat(0xfc0000));
    const words = v128.or(v128.or(first, second), v128.or(third, fourth));
    return v128.shuffle<i8>(words, words, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 3, 3, 3, 3);
  }
}

/** 16 codes in 8 bytes, the first in the low nibble. */
@unmanaged
export class Codes4 {
  codes: u64;


  @inline
  unpack(): v128 {
    const bytes = v128.load64_zero(changetype<usize>(this));
    const low = v128.and(bytes, i8x16.splat(0x0f));
    const high = v128.and(i16x8.shr_u(bytes, 4), i8x16.splat(0x0f));
    return interleaveLow8(low, high);
  }


  @inline
  pack(codes: v128): v128 {
    const low = v128.and(codes, i16x8.splat(0x0f));
    const high = v128.and(i16x8.shr_u(codes, 4), i16x8.splat(0xf0));
    return i8x16.narrow_i16x8_u(v128.or(low, high), i16x8.splat(0));
  }
}

/**
 * The constants of one format, one vector each (`minifloatTable` of src/kernels/minifloat.ts). They
 * are read where they are used: more of them than registers.
 */
@unmanaged
export class MinifloatTable {
  /** Bytes: magnitude bits of a code; low and high byte of the halves of magnitudes 0 to 15. */
  magnitudes: u64;
  magnitudesHigh: u64;
  lowBytes: u64;
  lowBytesHigh: u64;
  highBytes: u64;
  highBytesHigh: u64;
  /** 16-bit lanes: masks of magnitude and sign, then (127 − bias) << 7. */
  magnitude: u64;
  magnitudeHigh: u64;
  sign: u64;
  signHigh: u64;
  base: u64;
  baseHigh: u64;
  /** key = (code & mask) ^ flip: infinity where it is equal to one value, NaN where it is above another. */
  keyMask: u64;
  keyMaskHigh: u64;
  keyFlip: u64;
  keyFlipHigh: u64;
  infinity: u64;
  infinityHigh: u64;
  lastNumber: u64;
  lastNumberHigh: u64;
  /** The halves of infinity and of the one NaN. */
  infinityHalf: u64;
  infinityHalfHigh: u64;
  nanHalf: u64;
  nanHalfHigh: u64;
  /** 7 − M, and the places from a code's sign to bit 15. */
  magnitudeShift: i32;
  signShift: i32;
  /** Of weights to be opened: 1 where no code is infinity or NaN (`decodeNumbers`), 2 where they are int8. */
  kind: i32;
  /** Of weights in blocks: k of a tap; else 0. */
  tap: i32;
  /** Bytes: what a half of magnitudes 0 to 15 has more than magnitude · factor + base, low and high. */
  lowRest: u64;
  lowRestHigh: u64;
  highRest: u64;
  highRestHigh: u64;
  /** 16-bit lanes: 2^(7 − M); 2^(places from a code's sign to bit 7). */
  factor: u64;
  factorHigh: u64;
  signFactor: u64;
  signFactorHigh: u64;
}

/** Eight halves from eight codes; `small` holds those of magnitudes below 16, 0 for the others. */
@inline
function halves(codes: v128, small: v128, t: usize): v128 {
  const magnitude = v128.and(codes, v128.load(t, offsetof<MinifloatTable>("magnitude")));
  const sign = v128.and(codes, v128.load(t, offsetof<MinifloatTable>("sign")));
  const normal = i16x8.add(
    i16x8.shl(magnitude, load<i32>(t, offsetof<MinifloatTable>("magnitudeShift"))),
    v128.load(t, offsetof<MinifloatTable>("base")),
  );
  const isSmall = i16x8.gt_s(i16x8.splat(16), magnitude);
  let half = v128.or(small, v128.andnot(normal, isSmall));
  half = v128.or(half, i16x8.shl(sign, load<i32>(t, offsetof<MinifloatTable>("signShift"))));
  const key = v128.xor(
    v128.and(codes, v128.load(t, offsetof<MinifloatTable>("keyMask"))),
    v128.load(t, offsetof<MinifloatTable>("keyFlip")),
  );
  const isInfinity = i16x8.eq(key, v128.load(t, offsetof<MinifloatTable>("infinity")));
  half = v128.or(
    half,
    v128.and(isInfinity, v128.load(t, offsetof<MinifloatTable>("infinityHalf"))),
  );
  const isNaN = i16x8.gt_s(key, v128.load(t, offsetof<MinifloatTable>("lastNumber")));
  return v128.bitselect(v128.load(t, offsetof<MinifloatTable>("nanHalf")), half, isNaN);
}

/** 16 codes, one per byte, to 16 float32. NaN is 0x7FC00000. */
@inline
export function decodeGroup(codes: v128, t: usize, to: usize): void {
  const zero = i16x8.splat(0);
  const magnitudes = v128.and(codes, v128.load(t, offsetof<MinifloatTable>("magnitudes")));
  // An index of 16 or more gives 0.
  const low = i8x16.swizzle(v128.load(t, offsetof<MinifloatTable>("lowBytes")), magnitudes);
  const high = i8x16.swizzle(v128.load(t, offsetof<MinifloatTable>("highBytes")), magnitudes);
  const first = halves(i16x8.extend_low_i8x16_u(codes), interleaveLow8(low, high), t);
  const second = halves(i16x8.extend_high_i8x16_u(codes), interleaveHigh8(low, high), t);
  v128.store(to, interleaveLow16(zero, first));
  v128.store(to, interleaveHigh16(zero, first), 16);
  v128.store(to, interleaveLow16(zero, second), 32);
  v128.store(to, interleaveHigh16(zero, second), 48);
}

/** The same of codes that are neither infinity nor NaN. Additions wrap: a sign is 2^15 more. */
@inline
export function decodeNumbers(codes: v128, t: usize, to: usize): void {
  const zero = i16x8.splat(0);
  const mask = v128.load(t, offsetof<MinifloatTable>("magnitudes"));
  const magnitudes = v128.and(codes, mask);
  const signs = i16x8.mul(
    v128.andnot(codes, mask),
    v128.load(t, offsetof<MinifloatTable>("signFactor")),
  );
  // An index of 16 or more gives 0.
  const low = i8x16.swizzle(v128.load(t, offsetof<MinifloatTable>("lowRest")), magnitudes);
  const high = v128.xor(
    i8x16.swizzle(v128.load(t, offsetof<MinifloatTable>("highRest")), magnitudes),
    signs,
  );
  const factor = v128.load(t, offsetof<MinifloatTable>("factor"));
  const base = v128.load(t, offsetof<MinifloatTable>("base"));
  const first = i16x8.add(
    i16x8.add(i16x8.mul(interleaveLow8(magnitudes, zero), factor), base),
    interleaveLow8(low, high),
  );
  const second = i16x8.add(
    i16x8.add(i16x8.mul(interleaveHigh8(magnitudes, zero), factor), base),
    interleaveHigh8(low, high),
  );
  v128.store(to, interleaveLow16(zero, first));
  v128.store(to, interleaveHigh16(zero, first), 16);
  v128.store(to, interleaveLow16(zero, second), 32);
  v128.store(to, interleaveHigh16(zero, second), 48);
}
