/**
 * Div: a / b with broadcasting. On 8 bits, both rules, TFLite's fixed-point form: a reciprocal of b in
 * Q0.31, then two rounded products (reference_ops::DivElementwise; XNNPACK has no 8-bit division).
 */
import { InputError } from "../errors.ts";
import {
  f32,
  type FixedMultiplier,
  quantizeMultiplier,
  roundingDivideByPowerOfTwo,
  saturate,
  saturatingRoundingDoublingHighMul,
} from "../quantization/index.ts";
import type { TensorType } from "../tensor/index.ts";
import { activationRange } from "./activation-range.ts";
import { binaryOperator } from "./binary.ts";
import { affine, checkMultiplier, isQuantized8 } from "./checks.ts";
import { reciprocalOnePlus } from "./fixed-point.ts";
import type { Activation } from "./operator.ts";

export interface DivAttributes {
  readonly activation: Activation;
}

function realMultiplier(a: TensorType, b: TensorType, y: TensorType): number {
  const product = affine(b, "second operand").scale * affine(y, "output").scale;
  return affine(a, "first operand").scale / product;
}

/** a / b · (Q, e) for a, b of at most 9 bits, b not 0. */
function divideCodes(a: number, b: number, { q, exponent }: FixedMultiplier): number {
  const magnitude = Math.abs(b);
  const zeros = Math.clz32(magnitude);
  // magnitude = 2^(31 − zeros) · (1 + fraction).
  const reciprocal = reciprocalOnePlus(magnitude * 2 ** zeros - 2 ** 31);
  // Sign bits of a besides the first: a · 2^headroom uses all of int32.
  const headroom = Math.clz32(a < 0 ? ~a : a) - 1;
  const signed = b > 0 ? reciprocal : -reciprocal;
  const quotient = saturatingRoundingDoublingHighMul(a * 2 ** headroom, signed);
  const shift = exponent - (31 - zeros) - headroom;
  const scaled = saturatingRoundingDoublingHighMul(quotient, q);
  return shift > 0
    ? saturate(scaled * 2 ** shift, -(2 ** 31), 2 ** 31 - 1)
    : -shift > 31
      ? 0
      : roundingDivideByPowerOfTwo(scaled, -shift);
}

/**
 * Division by 0: on 8 bits the end of the range on the side of a, and real 0 for 0 / 0; on int32 an
 * InputError of the run; float32 follows IEEE. int32 quotients are truncated.
 */
export const div = binaryOperator<DivAttributes>({
  name: "Div",
  formats: ["float32", "int8", "uint8", "int32"],
  activation: ({ activation }) => activation,
  check(a, b, y, { activation }) {
    if (!isQuantized8(a.format)) return;
    checkMultiplier(f32(realMultiplier(a, b, y)), "multiplier s_a / (s_b · s_y)");
    activationRange(activation, y, "fp32");
  },
  codes(a, b, y, { activation }, rounding) {
    const multiplier = quantizeMultiplier(realMultiplier(a, b, y));
    const { zeroPoint, low, high } = activationRange(activation, y, rounding);
    return (a1, b1) => {
      const quotient =
        b1 !== 0 ? divideCodes(a1, b1, multiplier) : a1 === 0 ? 0 : Math.sign(a1) * 2 ** 31;
      return saturate(quotient + zeroPoint, low, high);
    };
  },
  float: (a, b) => f32(a / b),
  integer(a, b) {
    if (b === 0) throw new InputError("expected integer divisors other than 0, got 0");
    return Math.trunc(a / b);
  },
});
