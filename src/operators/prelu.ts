/**
 * PRelu: x where x ≥ 0, else alpha · x, alpha broadcast to the shape of x. On 8 bits, both rules,
 * TFLite's fixed point (docs/exactness.md, section 4).
 */
import { ShapeError } from "../errors.ts";
import {
  f32,
  type FixedMultiplier,
  multiplyByQuantizedMultiplier,
  quantizeMultiplier,
  saturate,
} from "../quantization/index.ts";
import { broadcastShapes, sameShape, type TensorType } from "../tensor/index.ts";
import { binaryOperator } from "./binary.ts";
import { affine, checkMultiplier, describe, isQuantized8 } from "./checks.ts";
import type { NoAttributes } from "./unary.ts";

export type PReluAttributes = NoAttributes;

/** sat(MBQM(x1, positive) + z_y) for x1 ≥ 0, else sat(MBQM(x1 · a1, negative) + z_y). */
export interface PReluConstants {
  readonly positive: FixedMultiplier;
  readonly negative: FixedMultiplier;
  readonly zeroPoint: number;
}

function ratios(
  x: TensorType,
  alpha: TensorType,
  y: TensorType,
): [positive: number, negative: number] {
  const scale = affine(x, "input").scale;
  const outputScale = affine(y, "output").scale;
  const product = f32(scale * affine(alpha, "alpha").scale);
  return [f32(scale / outputScale), f32(product / outputScale)];
}

function preluConstants(x: TensorType, alpha: TensorType, y: TensorType): PReluConstants {
  const [positive, negative] = ratios(x, alpha, y);
  return {
    positive: quantizeMultiplier(positive),
    negative: quantizeMultiplier(negative),
    zeroPoint: affine(y, "output").zeroPoint,
  };
}

export const prelu = binaryOperator<PReluAttributes>({
  name: "PRelu",
  formats: ["float32", "int8", "uint8"],
  check(x, alpha, y) {
    if (!sameShape(broadcastShapes(x.shape, alpha.shape), x.shape)) {
      throw new ShapeError(
        `expected alpha that broadcasts to ${describe(x)}, got ${describe(alpha)}`,
      );
    }
    if (!isQuantized8(x.format)) return;
    for (const ratio of ratios(x, alpha, y)) checkMultiplier(ratio, "multiplier s_x · s_a / s_y");
  },
  codes(x, alpha, y) {
    const { positive, negative, zeroPoint } = preluConstants(x, alpha, y);
    const { min, max } = y.format;
    return (x1, a1) => {
      const scaled =
        x1 >= 0
          ? multiplyByQuantizedMultiplier(x1, positive)
          : multiplyByQuantizedMultiplier(x1 * a1, negative);
      return saturate(scaled + zeroPoint, min, max);
    };
  },
  float: (value, alpha) => (value >= 0 ? value : f32(value * alpha)),
});
