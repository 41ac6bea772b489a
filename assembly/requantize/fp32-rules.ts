/** Rule fp32 as an output stage of tiles. */
import { MAGIC, MAGIC_BITS, requantizeFp32 } from "./fp32";
import { OutputParameters, storeFew, storePair } from "./output";

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

  /** Of 64 times an accumulator, that of Winograd: the multipliers are as many times smaller, which is exact. */
  @inline
  sum(acc: v128, scratch: usize): v128 {
    return acc;
  }


  @inline
  scaleDown(multipliers: usize, to: usize): usize {
    const part = f32x4.splat(1.0 / 64.0);
    v128.store(to, f32x4.mul(v128.load(multipliers), part));
    v128.store(to, f32x4.mul(v128.load(multipliers, 16), part), 16);
    return to;
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

  /** Six rows of eight accumulators → codes. */
  @inline
  storeSix(
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
    fl: v128,
    fh: v128,
    multipliers: usize,
    ya: usize,
    yb: usize,
    yc: usize,
    yd: usize,
    ye: usize,
    yf: usize,
    columns: i32,
    scratch: usize,
  ): void {
    const sl = v128.load(multipliers);
    const sh = v128.load(multipliers, 16);
    const magic = v128.load(scratch, 64);
    const base = v128.load(scratch, 80);
    let ab = this.narrow(al, ah, bl, bh, sl, sh, magic, base);
    let cd = this.narrow(cl, ch, dl, dh, sl, sh, magic, base);
    let ef = this.narrow(el, eh, fl, fh, sl, sh, magic, base);
    const most = v128.load(scratch, 96);
    const shift = v128.load(scratch, 112);
    ab = i8x16.add(i8x16.min_s(ab, most), shift);
    cd = i8x16.add(i8x16.min_s(cd, most), shift);
    ef = i8x16.add(i8x16.min_s(ef, most), shift);
    if (columns >= 8) {
      v128.store64_lane(ya, ab, 0);
      v128.store64_lane(yb, ab, 1);
      v128.store64_lane(yc, cd, 0);
      v128.store64_lane(yd, cd, 1);
      v128.store64_lane(ye, ef, 0);
      v128.store64_lane(yf, ef, 1);
    } else {
      storeFew(ya, i64x2.extract_lane(ab, 0), columns);
      storeFew(yb, i64x2.extract_lane(ab, 1), columns);
      storeFew(yc, i64x2.extract_lane(cd, 0), columns);
      storeFew(yd, i64x2.extract_lane(cd, 1), columns);
      storeFew(ye, i64x2.extract_lane(ef, 0), columns);
      storeFew(yf, i64x2.extract_lane(ef, 1), columns);
    }
  }
}

/** RNE(f32(acc) · scale) + zeroPoint − lift. */
@inline
function roundSmall(acc: v128, scale: v128, magic: v128, base: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(acc), scale), magic), base);
}
