/** Add and Sub: 21-bit factors by `add_i8`, tables and double rounding by `add_i8_fixed`, float32. */
import { type AddAttributes, addConstants, floatActivationRange } from "../../operators/index.ts";
import { multiplyByQuantizedMultiplier, type FixedMultiplier } from "../../quantization/index.ts";
import type { TensorType } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import { elementwiseGrid } from "./broadcast.ts";
import type { LowerContext, Lowering } from "./context.ts";
import { flipOf } from "./tiles.ts";

export const lowerAdd: Lowering<AddAttributes> = (context, attributes) =>
  lower(context, attributes, 1);

export const lowerSub: Lowering<AddAttributes> = (context, attributes) =>
  lower(context, attributes, -1);

function lower(context: LowerContext, { activation }: AddAttributes, sign: 1 | -1): boolean {
  const [a, b] = context.inputs as [TensorType, TensorType];
  const y = context.outputs[0]!;
  const format = a.format.name;
  if (format !== "float32" && format !== "int8" && format !== "uint8") return false;
  const grid = elementwiseGrid(context);
  if (grid === undefined) return false;
  if (format === "float32") {
    const { low, high } = floatActivationRange(activation);
    const kernel = sign === 1 ? "add_f32" : "sub_f32";
    context.step({ ...grid, kernel, fields: { ...grid.fields, low, high } });
    return true;
  }
  const constants = addConstants(a, b, y, sign, activation, context.rounding);
  const { mask, offset } = flipOf(a.format);
  const range = {
    flip: mask,
    zeroPoint: constants.range.zeroPoint - offset,
    low: constants.range.low - offset,
    high: constants.range.high - offset,
  };
  if (constants.rule === "fixed") {
    const { q, exponent } = constants.y;
    context.step({
      ...grid,
      kernel: "add_i8_fixed",
      fields: {
        ...grid.fields,
        ...range,
        aZeroPoint: 0,
        bZeroPoint: 0,
        q,
        exponent,
        aTable: termTable(context, "terms of a", a, constants.a, 1),
        bTable: termTable(context, "terms of b", b, constants.b, constants.sign),
      },
    });
    return true;
  }
  const aZeroPoint = a.quantization!.zeroPoint[0]! - offset;
  const bZeroPoint = b.quantization!.zeroPoint[0]! - offset;
  const factorA = splitFactor(constants.a);
  const factorB = splitFactor(constants.b);
  const half = 2 ** (constants.shift - 1);
  context.step({
    ...grid,
    kernel: "add_i8",
    fields: {
      ...grid.fields,
      ...range,
      aZeroPoint,
      bZeroPoint,
      multiplier: 0,
      coarse: pair(factorA.coarse, factorB.coarse),
      fine: pair(factorA.fine, factorB.fine),
      bias: half - constants.a * aZeroPoint - constants.b * bZeroPoint,
      shift: constants.shift,
    },
  });
  return true;
}

/** factor = coarse · 2^12 + fine, both in int16 for |factor| ≤ 2^21. */
function splitFactor(factor: number): { coarse: number; fine: number } {
  const coarse = (factor + 2048) >> 12;
  return { coarse, fine: factor - coarse * 4096 };
}

/** Two int16 in one field, the first in the low half. */
function pair(low: number, high: number): number {
  return (low & 0xffff) | (high << 16);
}

/** int32[256]: sign · MBQM(x1 · 2^20, multiplier) by byte. */
function termTable(
  context: LowerContext,
  label: string,
  x: TensorType,
  multiplier: FixedMultiplier,
  sign: 1 | -1,
): Pointer {
  const zeroPoint = x.quantization!.zeroPoint[0]!;
  return context.addConstant(label, 1024, (target) => {
    const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
    for (let byte = 0; byte < 256; byte++) {
      const x1 = x.format.decode(byte) - zeroPoint;
      const term = multiplyByQuantizedMultiplier(x1 * 2 ** 20, multiplier);
      view.setInt32(byte * 4, sign * term, true);
    }
  });
}
