/**
 * The rule of Add and Sub: y = a ± b. On 8 bits both operands are brought to one scale with 20 or
 * more spare bits, added, and rounded once (`fp32`) or per step (`tflite-reference`); docs/exactness.md,
 * section 4.
 */
import { roundHalfEven } from "../formats/index.ts";
import {
  f32,
  type FixedMultiplier,
  frexp,
  multiplyByQuantizedMultiplier,
  type OutputRange,
  quantizeMultiplier,
  type Rounding,
  saturate,
} from "../quantization/index.ts";
import type { TensorType } from "../tensor/index.ts";
import { activationRange } from "./activation-range.ts";
import { binaryOperator } from "./binary.ts";
import { affine, checkMultiplier, isQuantized8 } from "./checks.ts";
import type { Activation, Operator } from "./operator.ts";

export interface AddAttributes {
  readonly activation: Activation;
}

/** What turns codes a1, b1 (zero points removed) into the output code. */
export type AddConstants =
  | {
      /** sat(((2^(shift − 1) + a · a1 + b · b1) >> shift) + z_y); |a|, |b| ≤ 2^21, 13 ≤ shift ≤ 30. */
      readonly rule: "shift";
      readonly a: number;
      readonly b: number;
      readonly shift: number;
      readonly range: OutputRange;
    }
  | {
      /** sat(MBQM(MBQM(a1 · 2^20, a) + sign · MBQM(b1 · 2^20, b), y) + z_y). */
      readonly rule: "fixed";
      readonly a: FixedMultiplier;
      readonly b: FixedMultiplier;
      readonly y: FixedMultiplier;
      readonly sign: 1 | -1;
      readonly range: OutputRange;
    };

/** Bits that operands are shifted left by before they are scaled: 2^8 · 2^20 fits int32. */
const LEFT_SHIFT = 2 ** 20;

/** Scale ratios that XNNPACK takes; others run the fixed-point form under both rules. */
function isShortRatio(ratio: number): boolean {
  return ratio >= 2 ** -10 && ratio < 2 ** 8;
}

export function addConstants(
  a: TensorType,
  b: TensorType,
  y: TensorType,
  sign: 1 | -1,
  activation: Activation,
  rounding: Rounding,
): AddConstants {
  const scaleA = affine(a, "first operand").scale;
  const scaleB = affine(b, "second operand").scale;
  const scaleY = affine(y, "output").scale;
  const range = activationRange(activation, y, rounding);
  const ratioA = f32(scaleA / scaleY);
  const ratioB = f32(scaleB / scaleY);
  if (rounding === "fp32" && isShortRatio(ratioA) && isShortRatio(ratioB)) {
    // floor(log2 r) = exponent − 1, because frexp's mantissa lies in [1/2, 1).
    const shift = 20 - (frexp(Math.max(ratioA, ratioB)).exponent - 1);
    return {
      rule: "shift",
      a: roundHalfEven(ratioA * 2 ** shift),
      b: sign * roundHalfEven(ratioB * 2 ** shift),
      shift,
      range,
    };
  }
  const unit = 2 * Math.max(scaleA, scaleB);
  return {
    rule: "fixed",
    a: quantizeMultiplier(scaleA / unit),
    b: quantizeMultiplier(scaleB / unit),
    y: quantizeMultiplier(unit / f32(LEFT_SHIFT * scaleY)),
    sign,
    range,
  };
}

function addCodes(constants: AddConstants): (a: number, b: number) => number {
  const { zeroPoint, low, high } = constants.range;
  if (constants.rule === "shift") {
    const { a, b, shift } = constants;
    const half = 2 ** (shift - 1);
    return (a1, b1) => saturate(((half + a * a1 + b * b1) >> shift) + zeroPoint, low, high);
  }
  const { a, b, y, sign } = constants;
  return (a1, b1) => {
    const sum =
      multiplyByQuantizedMultiplier(a1 * LEFT_SHIFT, a) +
      sign * multiplyByQuantizedMultiplier(b1 * LEFT_SHIFT, b);
    return saturate(multiplyByQuantizedMultiplier(sum, y) + zeroPoint, low, high);
  };
}

/** Add for sign 1, Sub for sign −1. int32 and int64 results wrap. */
export function addOperator(name: string, sign: 1 | -1): Operator<AddAttributes> {
  return binaryOperator<AddAttributes>({
    name,
    formats: ["float32", "int8", "uint8", "int32", "int64"],
    activation: ({ activation }) => activation,
    check(a, b, y, { activation }) {
      if (!isQuantized8(a.format)) return;
      const scaleY = affine(y, "output").scale;
      const scaleA = affine(a, "first operand").scale;
      const scaleB = affine(b, "second operand").scale;
      checkMultiplier(f32(scaleA / scaleY), "multiplier s_a / s_y");
      checkMultiplier(f32(scaleB / scaleY), "multiplier s_b / s_y");
      checkMultiplier(f32(LEFT_SHIFT * scaleY), "product 2^20 · s_y");
      activationRange(activation, y, "fp32");
    },
    codes: (a, b, y, { activation }, rounding) =>
      addCodes(addConstants(a, b, y, sign, activation, rounding)),
    float: (a, b) => f32(a + sign * b),
    integer: (a, b) => a + sign * b,
    long: (a, b) => BigInt.asIntN(64, sign === 1 ? a + b : a - b),
  });
}
