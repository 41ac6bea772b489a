/**
 * The range that a fused activation leaves: codes for 8-bit outputs (docs/exactness.md, section 4, "Fused
 * range"), real limits for float ones.
 */
import { QuantizationError } from "../errors.ts";
import { roundHalfEven } from "../formats/index.ts";
import { f32, type OutputRange, roundHalfAway, type Rounding } from "../quantization/index.ts";
import type { TensorType } from "../tensor/index.ts";
import { affine } from "./checks.ts";
import type { Activation } from "./operator.ts";

/** Real limits of an activation. */
export interface FloatRange {
  readonly low: number;
  readonly high: number;
}

const LIMITS: Readonly<Record<Activation, FloatRange>> = {
  none: { low: -Infinity, high: Infinity },
  relu: { low: 0, high: Infinity },
  relu6: { low: 0, high: 6 },
  relu_n1_to_1: { low: -1, high: 1 },
};

export function floatActivationRange(activation: Activation): FloatRange {
  return LIMITS[activation];
}

/**
 * The clamp of every float operator: `f32x4.pmin(f32x4.pmax(v, low), high)`. NaN passes through, and
 * −0 is not below 0, so that it passes relu as it is.
 */
export function clampFloat(value: number, { low, high }: FloatRange): number {
  return value < low ? low : value > high ? high : value;
}

/**
 * Codes [low, high] of an 8-bit output after its activation.
 * `fp32`: RNE(f32(f32(v / s_y) + z_y)); `tflite-reference`: z_y + RHA(f32(v / s_y)). They differ
 * only where v / s_y is a tie.
 * @throws QuantizationError the limit does not fit int32
 */
export function activationRange(
  activation: Activation,
  type: TensorType,
  rounding: Rounding,
): OutputRange {
  const { scale, zeroPoint } = affine(type, "output");
  const { min, max } = type.format;
  const bound = (limit: number): number => {
    const steps = f32(limit / scale);
    if (!(Math.abs(steps) < 2 ** 31)) {
      throw new QuantizationError(
        `expected an output scale for which ${limit} fits int32, got ${scale}`,
      );
    }
    return rounding === "fp32"
      ? roundHalfEven(f32(steps + zeroPoint))
      : zeroPoint + roundHalfAway(steps);
  };
  const { low, high } = LIMITS[activation];
  return {
    zeroPoint,
    low: low === -Infinity ? min : Math.max(min, bound(low)),
    high: high === Infinity ? max : Math.min(max, bound(high)),
  };
}
