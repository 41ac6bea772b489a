/**
 * Relu, Relu6 and ReluN1To1 as operators of their own. On 8 bits, both rules:
 * y = MBQM(x1, QM(f32(s_x / s_y))) + z_y, clamped to the range of `tflite-reference`.
 */
import {
  f32,
  multiplyByQuantizedMultiplier,
  quantizeMultiplier,
  saturate,
} from "../quantization/index.ts";
import { activationRange, clampFloat, floatActivationRange } from "./activation-range.ts";
import { affine, checkScaleRatio, isQuantized8 } from "./checks.ts";
import type { Activation } from "./operator.ts";
import { type NoAttributes, type TableOperator, unaryOperator } from "./unary.ts";

export function reluOperator(name: string, activation: Activation): TableOperator<NoAttributes> {
  const range = floatActivationRange(activation);
  return unaryOperator<NoAttributes>({
    name,
    check(x, y) {
      if (!isQuantized8(x.format)) return;
      checkScaleRatio(x, y);
      activationRange(activation, y, "tflite-reference");
    },
    codes(x, y) {
      const multiplier = quantizeMultiplier(
        f32(affine(x, "input").scale / affine(y, "output").scale),
      );
      const { zeroPoint, low, high } = activationRange(activation, y, "tflite-reference");
      return (x1) => saturate(multiplyByQuantizedMultiplier(x1, multiplier) + zeroPoint, low, high);
    },
    float: (value) => clampFloat(value, range),
  });
}
