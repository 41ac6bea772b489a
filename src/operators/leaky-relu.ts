/**
 * LeakyRelu: x where x ≥ 0, else alpha · x (docs/exactness.md, section 4). On 8 bits `fp32` has multipliers
 * of 8 fraction bits as XNNPACK; `tflite-reference` has one fixed-point multiplier per sign.
 */
import { roundHalfEven } from "../formats/index.ts";
import {
  f32,
  multiplyByQuantizedMultiplier,
  quantizeMultiplier,
  saturate,
} from "../quantization/index.ts";
import type { TensorType } from "../tensor/index.ts";
import { affine, checkFinite, checkMultiplier, checkScaleRatio, isQuantized8 } from "./checks.ts";
import { type CodeRule, unaryOperator } from "./unary.ts";

export interface LeakyReluAttributes {
  readonly alpha: number;
}

/** Ratios that XNNPACK takes: [2^-8, 2^7]. */
function isShortRatio(ratio: number): boolean {
  return Math.abs(ratio) >= 2 ** -8 && Math.abs(ratio) <= 2 ** 7;
}

export const leakyRelu = unaryOperator<LeakyReluAttributes>({
  name: "LeakyRelu",
  check(x, y, { alpha }) {
    checkFinite(alpha, "alpha");
    if (!isQuantized8(x.format)) return;
    checkScaleRatio(x, y);
    if (alpha !== 0)
      checkMultiplier(Math.abs(negativeRatio(x, y, alpha)), "multiplier |alpha| · s_x / s_y");
  },
  codes(x, y, { alpha }, rounding) {
    const slope = f32(alpha);
    const positive = f32(affine(x, "input").scale / affine(y, "output").scale);
    const negative = f32(positive * slope);
    if (rounding === "fp32" && isShortRatio(positive) && isShortRatio(negative)) {
      return shortCodes(y, positive, negative);
    }
    return fixedCodes(y, positive, negativeRatio(x, y, slope));
  },
  float: (value, { alpha }) => (value >= 0 ? value : f32(value * f32(alpha))),
});

function negativeRatio(x: TensorType, y: TensorType, alpha: number): number {
  return f32(f32(affine(x, "input").scale * f32(alpha)) / affine(y, "output").scale);
}

/** y = sat((z_y · 256 + 128 + x1 · m) >> 8), m = RNE(256 · ratio): |x1 · m| < 2^8 · 2^15. */
function shortCodes(y: TensorType, positive: number, negative: number): CodeRule {
  const { zeroPoint } = affine(y, "output");
  const { min, max } = y.format;
  const above = roundHalfEven(256 * positive);
  const below = roundHalfEven(256 * negative);
  return (x1) => saturate((zeroPoint * 256 + 128 + x1 * (x1 >= 0 ? above : below)) >> 8, min, max);
}

/** y = sat(MBQM(x1, QM(ratio)) + z_y); for a negative ratio the multiplier of |ratio|, negated. */
function fixedCodes(y: TensorType, positive: number, negative: number): CodeRule {
  const { zeroPoint } = affine(y, "output");
  const { min, max } = y.format;
  const above = quantizeMultiplier(positive);
  const below = quantizeMultiplier(Math.abs(negative));
  const sign = negative < 0 ? -1 : 1;
  return (x1) => {
    const scaled =
      x1 >= 0
        ? multiplyByQuantizedMultiplier(x1, above)
        : sign * multiplyByQuantizedMultiplier(x1, below);
    return saturate(scaled + zeroPoint, min, max);
  };
}
