/** Mul: products requantised by either rule, or float32. */
import { floatActivationRange, type MulAttributes, mulConstants } from "../../operators/index.ts";
import type { TensorType } from "../../tensor/index.ts";
import { elementwiseGrid } from "./broadcast.ts";
import type { LowerContext } from "./context.ts";
import { flipOf } from "./tiles.ts";

export function lowerMul(context: LowerContext, { activation }: MulAttributes): boolean {
  const [a, b] = context.inputs as [TensorType, TensorType];
  const y = context.outputs[0]!;
  const format = a.format.name;
  if (format !== "float32" && format !== "int8" && format !== "uint8") return false;
  const grid = elementwiseGrid(context);
  if (grid === undefined) return false;
  if (format === "float32") {
    const { low, high } = floatActivationRange(activation);
    context.step({ ...grid, kernel: "mul_f32", fields: { ...grid.fields, low, high } });
    return true;
  }
  const constants = mulConstants(a, b, y, activation, context.rounding);
  const { mask, offset } = flipOf(a.format);
  const fields = {
    ...grid.fields,
    flip: mask,
    aZeroPoint: a.quantization!.zeroPoint[0]! - offset,
    bZeroPoint: b.quantization!.zeroPoint[0]! - offset,
    zeroPoint: constants.range.zeroPoint - offset,
    low: constants.range.low - offset,
    high: constants.range.high - offset,
  };
  if (constants.rule === "fixed") {
    const { q, exponent } = constants.multiplier;
    context.step({
      ...grid,
      kernel: "mul_i8_fixed",
      fields: { ...fields, q, exponent, aTable: 0, bTable: 0 },
    });
  } else {
    const { multiplier } = constants;
    context.step({
      ...grid,
      kernel: "mul_i8",
      fields: { ...fields, multiplier, coarse: 0, fine: 0, bias: 0, shift: 0 },
    });
  }
  return true;
}
