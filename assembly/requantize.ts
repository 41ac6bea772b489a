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
/** As fp32, where |accumulator · multiplier| < 2^22 is proven. */
export const RULE_SMALL_FP32: i32 = 4;

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

  /** Two rows of eight accumulators → codes, all in registers. */
  @inline
  storeRows(
    al: v128,
    ah: v128,
    bl: v128,
    bh: v128,
    multipliers: usize,
    ya: usize,
    yb: usize,
    columns: i32,
    scratch: usize,
  ): void {
    const sl = v128.load(multipliers);
    const sh = v128.load(multipliers, 16);
    const floor = v128.load(scratch, 64);
    const base = v128.load(scratch, 80);
    const a = i16x8.narrow_i32x4_s(
      requantizeFp32(al, sl, floor, base),
      requantizeFp32(ah, sh, floor, base),
    );
    const b = i16x8.narrow_i32x4_s(
      requantizeFp32(bl, sl, floor, base),
      requantizeFp32(bh, sh, floor, base),
    );
    const clamped = i8x16.min_s(i8x16.narrow_i16x8_s(a, b), v128.load(scratch, 96));
    storePair(v128.xor(clamped, v128.load(scratch, 112)), ya, yb, columns);
  }
}

/**
 * Rule fp32 where |accumulator · multiplier| < 2^22 is proven: f + MAGIC has the rounded value in its low
 * bits, so that nothing is clamped before the narrowing. Codes are computed less `lift` = low + 128, so
 * that the narrowing saturates at `low`; `shift` puts it back, and the flip of the top bit is an addition
 * too. Multipliers: f32[8].
 */
@unmanaged
export class SmallFp32Rule extends OutputParameters {

  @inline
  finish(acc: v128, scale: v128, magic: v128, base: v128): v128 {
    return roundSmall(acc, scale, magic, base);
  }


  @inline
  settle(row: usize, multipliers: usize): void {}

  /** MAGIC, base, most, shift, where `storeConstants` has floor, base, high and flip. */
  @inline
  prepare(scratch: usize): void {
    const lift = this.low + 128;
    v128.store(scratch, f32x4.splat(MAGIC), 64);
    v128.store(scratch, i32x4.splat(MAGIC_BITS - this.zeroPoint + lift), 80);
    v128.store(scratch, i8x16.splat(<i8>(this.high - lift)), 96);
    v128.store(scratch, i8x16.splat(<i8>(lift + this.flip)), 112);
  }

  /** Two rows of eight that `finish` has seen → 16 codes. */
  @inline
  narrowStored(first: usize, second: usize, most: v128, shift: v128): v128 {
    const a = i16x8.narrow_i32x4_s(v128.load(first), v128.load(first, 16));
    const b = i16x8.narrow_i32x4_s(v128.load(second), v128.load(second, 16));
    return i8x16.add(i8x16.min_s(i8x16.narrow_i16x8_s(a, b), most), shift);
  }

  /** Two rows of eight accumulators → 16 codes less `lift`. */
  @inline
  narrow(
    al: v128,
    ah: v128,
    bl: v128,
    bh: v128,
    sl: v128,
    sh: v128,
    magic: v128,
    base: v128,
  ): v128 {
    const a = i16x8.narrow_i32x4_s(
      roundSmall(al, sl, magic, base),
      roundSmall(ah, sh, magic, base),
    );
    const b = i16x8.narrow_i32x4_s(
      roundSmall(bl, sl, magic, base),
      roundSmall(bh, sh, magic, base),
    );
    return i8x16.narrow_i16x8_s(a, b);
  }

  /** Two rows of eight accumulators → codes. */
  @inline
  storeRows(
    al: v128,
    ah: v128,
    bl: v128,
    bh: v128,
    multipliers: usize,
    ya: usize,
    yb: usize,
    columns: i32,
    scratch: usize,
  ): void {
    const sl = v128.load(multipliers);
    const sh = v128.load(multipliers, 16);
    const codes = this.narrow(
      al,
      ah,
      bl,
      bh,
      sl,
      sh,
      v128.load(scratch, 64),
      v128.load(scratch, 80),
    );
    const clamped = i8x16.min_s(codes, v128.load(scratch, 96));
    storePair(i8x16.add(clamped, v128.load(scratch, 112)), ya, yb, columns);
  }

  /** Five rows of eight accumulators → codes. */
  @inline
  storeFive(
    al: v128,
    ah: v128,
    bl: v128,
    bh: v128,
    cl: v128,
    ch: v128,
    dl: v128,
    dh: v128,
    el: v128,
    eh: v128,
    multipliers: usize,
    ya: usize,
    yb: usize,
    yc: usize,
    yd: usize,
    ye: usize,
    columns: i32,
    scratch: usize,
  ): void {
    const sl = v128.load(multipliers);
    const sh = v128.load(multipliers, 16);
    const magic = v128.load(scratch, 64);
    const base = v128.load(scratch, 80);
    let ab = this.narrow(al, ah, bl, bh, sl, sh, magic, base);
    let cd = this.narrow(cl, ch, dl, dh, sl, sh, magic, base);
    let e = this.narrow(el, eh, el, eh, sl, sh, magic, base);
    const most = v128.load(scratch, 96);
    const shift = v128.load(scratch, 112);
    ab = i8x16.add(i8x16.min_s(ab, most), shift);
    cd = i8x16.add(i8x16.min_s(cd, most), shift);
    e = i8x16.add(i8x16.min_s(e, most), shift);
    if (columns >= 8) {
      v128.store64_lane(ya, ab, 0);
      v128.store64_lane(yb, ab, 1);
      v128.store64_lane(yc, cd, 0);
      v128.store64_lane(yd, cd, 1);
      v128.store64_lane(ye, e, 0);
    } else {
      storeFew(ya, i64x2.extract_lane(ab, 0), columns);
      storeFew(yb, i64x2.extract_lane(ab, 1), columns);
      storeFew(yc, i64x2.extract_lane(cd, 0), columns);
      storeFew(yd, i64x2.extract_lane(cd, 1), columns);
      storeFew(ye, i64x2.extract_lane(e, 0), columns);
    }
  }
}

/** `storePart64`, one copy of it. */
function storeFew(to: usize, codes: u64, columns: i32): void {
  storePart64(to, codes, columns);
}

/** RNE(f32(acc) · scale) + zeroPoint − lift. */
@inline
function roundSmall(acc: v128, scale: v128, magic: v128, base: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(acc), scale), magic), base);
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
    if (this.rule == RULE_FLOAT64) settleFloat64(this, row, multipliers);
    else if (this.rule == RULE_FP32) settleFp32(this, row, multipliers);
    else settleFixed(this, row, multipliers);
  }


  @inline
  narrowStored(first: usize, second: usize, high: v128, flip: v128): v128 {
    return narrowRows(first, second, high, flip);
  }


  @inline
  prepare(scratch: usize): void {
    storeConstants(this, scratch);
  }

  /** Two rows of eight accumulators → codes, by way of `scratch` (64 bytes). */
  @inline
  storeRows(
    al: v128,
    ah: v128,
    bl: v128,
    bh: v128,
    multipliers: usize,
    ya: usize,
    yb: usize,
    columns: i32,
    scratch: usize,
  ): void {
    v128.store(scratch, al);
    v128.store(scratch, ah, 16);
    v128.store(scratch, bl, 32);
    v128.store(scratch, bh, 48);
    this.settle(scratch, multipliers);
    this.settle(scratch + 32, multipliers);
    const codes = narrowRows(
      scratch,
      scratch + 32,
      v128.load(scratch, 96),
      v128.load(scratch, 112),
    );
    storePair(codes, ya, yb, columns);
  }

  /** Five rows of eight accumulators → codes. */
  @inline
  storeFive(
    al: v128,
    ah: v128,
    bl: v128,
    bh: v128,
    cl: v128,
    ch: v128,
    dl: v128,
    dh: v128,
    el: v128,
    eh: v128,
    multipliers: usize,
    ya: usize,
    yb: usize,
    yc: usize,
    yd: usize,
    ye: usize,
    columns: i32,
    scratch: usize,
  ): void {
    this.storeRows(al, ah, bl, bh, multipliers, ya, yb, columns, scratch);
    this.storeRows(cl, ch, dl, dh, multipliers, yc, yd, columns, scratch);
    this.storeRows(el, eh, el, eh, multipliers, ye, ye, columns, scratch);
  }
}

/**
 * Puts the constants of `storeRows` behind its 64 bytes of scratch: floor, base, high, flip. In
 * registers they would push accumulators of a tile to the stack.
 */
export function storeConstants(p: OutputParameters, scratch: usize): void {
  v128.store(scratch, fp32Floor(p), 64);
  v128.store(scratch, fp32Base(p), 80);
  v128.store(scratch, i8x16.splat(<i8>p.high), 96);
  v128.store(scratch, i8x16.splat(<i8>p.flip), 112);
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
function requantizeFixedLanes(acc: v128, q: v128, exponents: v128, away: v128): v128 {
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

/** Requantises the eight int32 of `row` in place. Multipliers: f32[8]. */
function settleFp32(p: OutputParameters, row: usize, multipliers: usize): void {
  const floor = fp32Floor(p);
  const base = fp32Base(p);
  v128.store(row, requantizeFp32(v128.load(row), v128.load(multipliers), floor, base));
  const second = requantizeFp32(v128.load(row, 16), v128.load(multipliers, 16), floor, base);
  v128.store(row, second, 16);
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
function requantizeShifted(
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

/**
 * Requantises the eight int32 of `row` in place. Multipliers: int32 q[8], then where `shift` is not 0 the
 * factors of `requantizeShifted`, else exponents; int32 shift, int32 limit.
 */
function settleFixed(p: OutputParameters, row: usize, multipliers: usize): void {
  const away = i32x4.splat(p.rule == RULE_FIXED ? -1 : 0);
  const zeroPoint = i32x4.splat(p.zeroPoint);
  // Clamped before the zero point is added: the sum may leave int32.
  const low = i32x4.splat(p.low - p.zeroPoint);
  const high = i32x4.splat(p.high - p.zeroPoint);
  const shift = load<i32>(multipliers, 64);
  if (shift != 0) {
    const limit = v128.load32_splat(multipliers, 68);
    const half = i32x4.splat(1 << (shift - 2));
    for (const end = row + 32; row < end; row += 16) {
      const q = v128.load(multipliers);
      const factor = v128.load(multipliers, 32);
      const acc = v128.load(row);
      const scaled = requantizeShifted(acc, q, factor, limit, half, shift - 1, away);
      const clamped = i32x4.min_s(i32x4.max_s(scaled, low), high);
      v128.store(row, i32x4.add(clamped, zeroPoint));
      multipliers += 16;
    }
    return;
  }
  for (const end = row + 32; row < end; row += 16) {
    const q = v128.load(multipliers);
    const exponents = v128.load(multipliers, 32);
    const scaled = requantizeFixedLanes(v128.load(row), q, exponents, away);
    const clamped = i32x4.min_s(i32x4.max_s(scaled, low), high);
    v128.store(row, i32x4.add(clamped, zeroPoint));
    multipliers += 16;
  }
}

/** Requantises the eight int32 of `row` in place. Multipliers: f64[8]. */
function settleFloat64(p: OutputParameters, row: usize, multipliers: usize): void {
  for (const end = row + 32; row < end; row += 4) {
    const scaled = roundHalfAway(<f64>load<i32>(row) * load<f64>(multipliers));
    // Clamped before the conversion: the product may leave the int32 range.
    const clamped = min<f64>(max<f64>(scaled + <f64>p.zeroPoint, <f64>p.low), <f64>p.high);
    store<i32>(row, <i32>clamped);
    multipliers += 8;
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

/** MAGIC in four lanes, as a sum that the engine keeps in a register instead of building it anew. */
@inline
export function magicOf(base: v128, zeroPoint: i32): v128 {
  return i32x4.add(base, i32x4.splat(zeroPoint));
}

/** `requantizeFp32` with its constant in a register. `magic`: `magicOf`. */
@inline
export function requantizeMagic(
  acc: v128,
  scale: v128,
  magic: v128,
  floor: v128,
  base: v128,
): v128 {
  const rounded = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(acc), scale), magic);
  return i32x4.sub(i32x4.max_s(rounded, floor), base);
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
