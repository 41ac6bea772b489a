/**
 * Between float32 and 8-bit codes, and the clamp of float32: 4 or 16 elements at a time.
 *
 * Quantize, rule `fp32`: RNE(clamp(f32(x · f32(1 / s)))) + z; rule `tflite-reference`:
 * sat(RHA(f32(x / s)) + z). NaN gives the lowest code: pmax(limit, NaN) is the limit.
 */
import { storePart128 } from "./lanes";
import { baseOf, floorOf, roundFp32 } from "./requantize/fp32";


@unmanaged
class ConvertParameters {
  x: usize;
  y: usize;
  size: i32;
  tileSize: i32;
  zeroPoint: i32;
  /** 0x80808080 for uint8 codes, else 0; zeroPoint is then that of int8. */
  flip: i32;
  /** Quantize: 1 / s, or s. Dequantize: s. */
  scale: f32;
  /** Quantize: the codes' ends less the zero point. Clamp: its limits. */
  low: f32;
  high: f32;
}

/** Four codes, int32, from four floats. */
@inline
function quantize(
  value: v128,
  scale: v128,
  low: v128,
  high: v128,
  floor: v128,
  base: v128,
  fixed: bool,
): v128 {
  const steps = fixed ? f32x4.div(value, scale) : f32x4.mul(value, scale);
  const clamped = f32x4.pmin(high, f32x4.pmax(low, steps));
  if (!fixed) return roundFp32(clamped, floor, base);
  // Half away from zero: the fraction is exact, adding 0.5 first would not be.
  const whole = f32x4.trunc(clamped);
  const isHalf = f32x4.ge(f32x4.abs(f32x4.sub(clamped, whole)), f32x4.splat(0.5));
  const sign = v128.and(clamped, f32x4.splat(-0.0));
  const one = v128.and(v128.or(f32x4.splat(1.0), sign), isHalf);
  return roundFp32(f32x4.add(whole, one), floor, base);
}


@inline
function quantizeTile(parameters: usize, tile: i32, fixed: bool): void {
  const p = changetype<ConvertParameters>(parameters);
  const start = tile * p.tileSize;
  const flip = i32x4.splat(p.flip);
  const scale = f32x4.splat(p.scale);
  const low = f32x4.splat(p.low);
  const high = f32x4.splat(p.high);
  const floor = floorOf(-128, p.zeroPoint);
  const base = baseOf(p.zeroPoint);
  let x = p.x + (start << 2);
  let y = p.y + start;
  for (let left = min(p.tileSize, p.size - start); left > 0; left -= 16) {
    const a = quantize(v128.load(x), scale, low, high, floor, base, fixed);
    const b = quantize(v128.load(x, 16), scale, low, high, floor, base, fixed);
    const c = quantize(v128.load(x, 32), scale, low, high, floor, base, fixed);
    const d = quantize(v128.load(x, 48), scale, low, high, floor, base, fixed);
    const codes = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
    storePart128(y, v128.xor(codes, flip), left);
    x += 64;
    y += 16;
  }
}

export function quantize_f32_i8(parameters: usize, scratch: usize, tile: i32): void {
  quantizeTile(parameters, tile, false);
}

export function quantize_f32_i8_fixed(parameters: usize, scratch: usize, tile: i32): void {
  quantizeTile(parameters, tile, true);
}

/** y = f32(s · (x − z)) */
export function dequantize_i8_f32(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<ConvertParameters>(parameters);
  const start = tile * p.tileSize;
  const flip = i32x4.splat(p.flip);
  const scale = f32x4.splat(p.scale);
  const zeroPoint = i16x8.splat(<i16>p.zeroPoint);
  let x = p.x + start;
  let y = p.y + (start << 2);
  for (let left = min(p.tileSize, p.size - start) << 2; left > 0; left -= 32) {
    const codes = v128.xor(v128.load64_zero(x), flip);
    const corrected = i16x8.sub(i16x8.extend_low_i8x16_s(codes), zeroPoint);
    const low = f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(corrected));
    const high = f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(corrected));
    storePart128(y, f32x4.mul(low, scale), left);
    if (left > 16) storePart128(y + 16, f32x4.mul(high, scale), left - 16);
    x += 8;
    y += 32;
  }
}

/** y = x < low ? low : x > high ? high : x */
export function clamp_f32(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<ConvertParameters>(parameters);
  const start = tile * p.tileSize;
  const low = f32x4.splat(p.low);
  const high = f32x4.splat(p.high);
  let x = p.x + (start << 2);
  let y = p.y + (start << 2);
  for (let left = min(p.tileSize, p.size - start) << 2; left > 0; left -= 16) {
    storePart128(y, f32x4.pmin(f32x4.pmax(v128.load(x), low), high), left);
    x += 16;
    y += 16;
  }
}
