/** Maximum, Minimum, and Div and PRelu of float32: kernels without constants of their own. */
import { type DivAttributes, floatActivationRange } from "../../operators/index.ts";
import { elementwiseGrid } from "./broadcast.ts";
import type { LowerContext, Lowering } from "./context.ts";
import { flipOf } from "./tiles.ts";

export const lowerMaximum: Lowering<unknown> = (context) => lowerExtremum(context, "maximum");

export const lowerMinimum: Lowering<unknown> = (context) => lowerExtremum(context, "minimum");

function lowerExtremum(context: LowerContext, name: string): boolean {
  const format = context.outputs[0]!.format;
  if (format.name === "float32") return lowerFloats(context, `${name}_f32`, -Infinity, Infinity);
  if (format.name !== "int8" && format.name !== "uint8") return false;
  const grid = elementwiseGrid(context);
  if (grid === undefined) return false;
  context.step({
    ...grid,
    kernel: `${name}_i8`,
    fields: {
      ...grid.fields,
      flip: flipOf(format).mask,
      aZeroPoint: 0,
      bZeroPoint: 0,
      zeroPoint: 0,
      low: -128,
      high: 127,
      multiplier: 0,
      coarse: 0,
      fine: 0,
      bias: 0,
      shift: 0,
    },
  });
  return true;
}

export function lowerDiv(context: LowerContext, { activation }: DivAttributes): boolean {
  if (context.outputs[0]!.format.name !== "float32") return false;
  const { low, high } = floatActivationRange(activation);
  return lowerFloats(context, "div_f32", low, high);
}

export function lowerPRelu(context: LowerContext): boolean {
  if (context.outputs[0]!.format.name !== "float32") return false;
  return lowerFloats(context, "prelu_f32", -Infinity, Infinity);
}

function lowerFloats(context: LowerContext, kernel: string, low: number, high: number): boolean {
  const grid = elementwiseGrid(context);
  if (grid === undefined) return false;
  context.step({ ...grid, kernel, fields: { ...grid.fields, low, high } });
  return true;
}
