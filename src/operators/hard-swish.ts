/**
 * HardSwish: x · min(max(x + 3, 0), 6) / 6. On 8 bits, both rules, in the 16-bit fixed point of TFLite
 * (docs/exactness.md, section 4).
 */
import { QuantizationError } from "../errors.ts";
import {
  f32,
  type FixedMultiplier,
  quantizeMultiplier,
  roundingDivideByPowerOfTwo,
  saturate,
} from "../quantization/index.ts";
import type { TensorType } from "../tensor/index.ts";
import { clampFloat, floatActivationRange } from "./activation-range.ts";
import { affine, checkMultiplier, isQuantized8 } from "./checks.ts";
import { type NoAttributes, unaryOperator } from "./unary.ts";

export type HardSwishAttributes = NoAttributes;

const RELU6 = floatActivationRange("relu6");

/** Input codes are held with 7 fraction bits: x1 · 128 fits 16 bits. */
const HIGH_RESOLUTION = 128;
/** 3 / 2^15: the scale at which 16 bits hold the range [−3, 3) of the sloped part. */
const SLOPE_SCALE = f32(3 / 32768);

/** 16-bit multipliers with their exponents. */
interface HardSwishConstants {
  readonly output: FixedMultiplier;
  readonly slope: FixedMultiplier;
}

/** Q of 31 bits to 15, rounded and saturated. */
function toInt16({ q, exponent }: FixedMultiplier): FixedMultiplier {
  const short = q >= 2147483647 - 32768 ? 32767 : (q + 32768) >> 16;
  return { q: short, exponent };
}

function hardSwishConstants(x: TensorType, y: TensorType): HardSwishConstants {
  const high = f32(affine(x, "input").scale / HIGH_RESOLUTION);
  const output = f32(high / affine(y, "output").scale);
  const slope = f32(high / SLOPE_SCALE);
  checkMultiplier(output, "multiplier s_x / 128 / s_y");
  checkMultiplier(slope, "multiplier s_x / 128 / (3 / 32768)");
  return {
    output: toInt16(quantizeMultiplier(output)),
    slope: toInt16(quantizeMultiplier(slope)),
  };
}

function highMul16(a: number, b: number): number {
  const product = a * b;
  return Math.trunc((product + (product >= 0 ? 16384 : 1 - 16384)) / 32768);
}

function saturate16(value: number): number {
  return saturate(value, -32768, 32767);
}

export const hardSwish = unaryOperator<HardSwishAttributes>({
  name: "HardSwish",
  check(x, y) {
    if (!isQuantized8(x.format)) return;
    const { output } = hardSwishConstants(x, y);
    if (output.exponent > 0) {
      throw new QuantizationError(
        `expected s_x / 128 / s_y below 1, got ${affine(x, "input").scale} / 128 / ${affine(y, "output").scale}`,
      );
    }
  },
  codes(x, y) {
    const { output, slope } = hardSwishConstants(x, y);
    const { zeroPoint } = affine(y, "output");
    const { min, max } = y.format;
    return (x1) => {
      const value = x1 * HIGH_RESOLUTION;
      const scaled = highMul16(value, output.q);
      let gate = value;
      // x · 2^e in two saturating steps: the last bit after the product keeps its precision.
      if (slope.exponent > 0) gate = saturate16(gate * 2 ** (slope.exponent - 1));
      gate = highMul16(gate, slope.q);
      if (slope.exponent > 0) gate = saturate16(gate * 2);
      if (slope.exponent < 0)
        gate = roundingDivideByPowerOfTwo(gate, Math.min(-slope.exponent, 31));
      // [−1, 1) to [0, 1).
      gate = (gate + 32768) >> 1;
      const product = Math.trunc((gate * scaled) / 32768);
      const code = roundingDivideByPowerOfTwo(product, Math.min(-output.exponent, 31));
      return saturate(code + zeroPoint, min, max);
    };
  },
  float: (value) => f32(f32(value * clampFloat(f32(value + 3), RELU6)) / 6),
});
