/** Mul: a · b with broadcasting (docs/exactness.md, section 4). */
import {
  f32,
  type FixedMultiplier,
  type OutputRange,
  quantizeMultiplier,
  requantizeFixed,
  requantizeFp32,
  type Rounding,
} from "../quantization/index.ts";
import type { TensorType } from "../tensor/index.ts";
import { activationRange } from "./activation-range.ts";
import { binaryOperator } from "./binary.ts";
import { affine, checkMultiplier, isQuantized8 } from "./checks.ts";
import type { Activation } from "./operator.ts";

export interface MulAttributes {
  readonly activation: Activation;
}

/** What turns the product a1 · b1 (zero points removed) into the output code. */
export type MulConstants =
  | { readonly rule: "fp32"; readonly multiplier: number; readonly range: OutputRange }
  | { readonly rule: "fixed"; readonly multiplier: FixedMultiplier; readonly range: OutputRange };

/** m = f32(f32(s_a · s_b) / s_y). */
function realMultiplier(a: TensorType, b: TensorType, y: TensorType): number {
  const product = f32(affine(a, "first operand").scale * affine(b, "second operand").scale);
  return f32(product / affine(y, "output").scale);
}

export function mulConstants(
  a: TensorType,
  b: TensorType,
  y: TensorType,
  activation: Activation,
  rounding: Rounding,
): MulConstants {
  const multiplier = realMultiplier(a, b, y);
  const range = activationRange(activation, y, rounding);
  // XNNPACK declines other multipliers; TFLite's own kernel runs then.
  return rounding === "fp32" && multiplier >= 2 ** -16 && multiplier < 2 ** 8
    ? { rule: "fp32", multiplier, range }
    : { rule: "fixed", multiplier: quantizeMultiplier(multiplier), range };
}

/** int32 and int64 products wrap. */
export const mul = binaryOperator<MulAttributes>({
  name: "Mul",
  formats: ["float32", "int8", "uint8", "int32", "int64"],
  activation: ({ activation }) => activation,
  check(a, b, y, { activation }) {
    if (!isQuantized8(a.format)) return;
    checkMultiplier(realMultiplier(a, b, y), "multiplier s_a · s_b / s_y");
    activationRange(activation, y, "fp32");
  },
  codes(a, b, y, { activation }, rounding) {
    const constants = mulConstants(a, b, y, activation, rounding);
    if (constants.rule === "fp32") {
      const { multiplier, range } = constants;
      return (a1, b1) => requantizeFp32(a1 * b1, multiplier, range);
    }
    const { multiplier, range } = constants;
    return (a1, b1) => requantizeFixed(a1 * b1, multiplier, range);
  },
  float: (a, b) => f32(a * b),
  integer: (a, b) => Math.imul(a, b),
  long: (a, b) => BigInt.asIntN(64, a * b),
});
