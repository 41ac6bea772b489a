/** The output stage of `depthwise-dot.ts`: four pixels of eight channels, from sums to stored codes. */
import { DepthwiseParameters } from "./depthwise-rows";
import { interleaveHigh32, interleaveLow32, storePart64 } from "./lanes";

/**
 * What becomes of accumulators: codes by rule fp32 where the scaled sum is known to be small, so that
 * RNE(f32(acc) · scale) + zeroPoint needs no clamp before it is narrowed. A rule is laid over the
 * parameter block; another one is that of `depthwise-minifloat.ts`.
 *
 * Codes are computed less `lift`, so that the narrowing saturates at `low`. `shift` puts it back; the flip of
 * the top bit is an addition too.
 */
@unmanaged
export class CodesRule extends DepthwiseParameters {
  /** Behind the weights of a group of 4 channels. */
  @inline
  tailBytes(): usize {
    return 32;
  }


  @inline
  shift(): v128 {
    return i8x16.splat(<i8>(liftOf(this) + this.outputFlip));
  }

  /** Accumulators of four pixels × four channels → 16 codes less `lift`. */
  @inline
  narrow(a: v128, b: v128, c: v128, d: v128, tail: usize, magic: v128, base: v128): v128 {
    const scale = v128.load(tail, 16);
    const ab = i16x8.narrow_i32x4_s(
      requantize(a, scale, magic, base),
      requantize(b, scale, magic, base),
    );
    const cd = i16x8.narrow_i32x4_s(
      requantize(c, scale, magic, base),
      requantize(d, scale, magic, base),
    );
    return i8x16.narrow_i16x8_s(ab, cd);
  }

  /** 16 of them as they are stored. */
  @inline
  settle(codes: v128, most: v128, shift: v128): v128 {
    return i8x16.add(i8x16.min_s(codes, most), shift);
  }
}


@inline
function requantize(acc: v128, scale: v128, magic: v128, base: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(acc), scale), magic), base);
}


@inline
export function liftOf(p: DepthwiseParameters): i32 {
  return p.low + 128;
}


@inline
export function mostOf(p: DepthwiseParameters): v128 {
  return i8x16.splat(<i8>(p.high - liftOf(p)));
}

/**
 * Stores four pixels of eight channels, given as 4 pixels × channels 0..3 and × channels 4..7, of which
 * `pixels` and `channels` exist.
 */
@inline
export function storePixels<R>(
  rule: R,
  y: usize,
  stride: usize,
  left: v128,
  right: v128,
  most: v128,
  shift: v128,
  channels: i32,
  pixels: i32,
): void {
  const y01 = rule.settle(interleaveLow32(left, right), most, shift);
  const y23 = rule.settle(interleaveHigh32(left, right), most, shift);
  if (channels >= 8 && pixels >= 4) {
    v128.store64_lane(y, y01, 0);
    v128.store64_lane(y + stride, y01, 1);
    v128.store64_lane(y + 2 * stride, y23, 0);
    v128.store64_lane(y + 3 * stride, y23, 1);
  } else {
    storePixel(y, i64x2.extract_lane(y01, 0), channels);
    if (pixels > 1) storePixel(y + stride, i64x2.extract_lane(y01, 1), channels);
    if (pixels > 2) storePixel(y + 2 * stride, i64x2.extract_lane(y23, 0), channels);
    if (pixels > 3) storePixel(y + 3 * stride, i64x2.extract_lane(y23, 1), channels);
  }
}

function storePixel(to: usize, codes: u64, channels: i32): void {
  if (channels >= 8) store<u64>(to, codes);
  else storePart64(to, codes, channels);
}
