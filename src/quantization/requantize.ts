import { roundHalfEven } from "../formats/index.ts";
import {
  f32,
  type FixedMultiplier,
  multiplyByQuantizedMultiplier,
  roundHalfAway,
  saturate,
  saturatingRoundingDoublingHighMul,
} from "./rounding.ts";

/** The output side of a requantisation: zero point and clamp range, as true-sign codes. */
export interface OutputRange {
  readonly zeroPoint: number;
  readonly low: number;
  readonly high: number;
}

/** Rule `fp32`: m = f32(f32(s_x · s_w) / s_y); y = RNE(clamp(f32(f32(acc) · m))) + z_y. */
export function requantizeFp32(
  accumulator: number,
  multiplier: number,
  range: OutputRange,
): number {
  const scaled = f32(f32(accumulator) * multiplier);
  const clamped = Math.min(
    Math.max(scaled, range.low - range.zeroPoint),
    range.high - range.zeroPoint,
  );
  return roundHalfEven(clamped) + range.zeroPoint;
}

/** Rule `tflite-reference`, convolutions: y = sat(MBQM(acc, QM(d)) + z_y). */
export function requantizeFixed(
  accumulator: number,
  multiplier: FixedMultiplier,
  range: OutputRange,
): number {
  const scaled = multiplyByQuantizedMultiplier(accumulator, multiplier);
  return saturate(scaled + range.zeroPoint, range.low, range.high);
}

/**
 * Rule `fp32` where TFLite's own kernel runs in place of XNNPACK (convolution and fully connected with
 * weights below 8 bits): as requantizeFixed, but ties of the final shift go toward +infinity.
 */
export function requantizeFixedUp(
  accumulator: number,
  { q, exponent }: FixedMultiplier,
  range: OutputRange,
): number {
  const scaled = saturatingRoundingDoublingHighMul(accumulator << Math.max(exponent, 0), q);
  const unit = 2 ** Math.max(-exponent, 0);
  return saturate(Math.floor(scaled / unit + 0.5) + range.zeroPoint, range.low, range.high);
}

/** Rule `tflite-reference`, fully connected: y = sat(RHA(float64(acc) · d) + z_y). */
export function requantizeFloat64(
  accumulator: number,
  multiplier: number,
  range: OutputRange,
): number {
  return saturate(roundHalfAway(accumulator * multiplier) + range.zeroPoint, range.low, range.high);
}
