/** Quantize and Dequantize: tables between codes, arithmetic between float32 and codes. */
import { quantize } from "../../operators/index.ts";
import { f32 } from "../../quantization/index.ts";
import { elementCount } from "../../tensor/index.ts";
import type { LowerContext } from "./context.ts";
import { fusedNarrowing } from "./narrowing.ts";
import { flipOf } from "./tiles.ts";
import { lowerTable, splitBytes } from "./unary.ts";

const lowerRescale = lowerTable(quantize);

export function lowerQuantize(context: LowerContext): boolean {
  const x = context.inputs[0]!;
  const y = context.outputs[0]!;
  // Its readers narrow as they pack: nothing is left to do.
  if (y.format.bits < 8) return fusedNarrowing(context.graph, context.node) !== undefined;
  if (x.format.bits === 8) return lowerRescale(context, {});
  const scale = y.quantization!.scale[0]!;
  const zeroPoint = y.quantization!.zeroPoint[0]!;
  const isFixed = context.rounding !== "fp32";
  return convert(context, isFixed ? "quantize_f32_i8_fixed" : "quantize_f32_i8", {
    zeroPoint: zeroPoint - flipOf(y.format).offset,
    flip: flipOf(y.format).mask,
    scale: isFixed ? scale : f32(1 / scale),
    low: y.format.min - zeroPoint,
    high: y.format.max - zeroPoint,
  });
}

export function lowerDequantize(context: LowerContext): boolean {
  const { format, quantization } = context.inputs[0]!;
  if (format.name !== "int8" && format.name !== "uint8") return false;
  if (quantization!.scale.length !== 1) return false;
  return convert(context, "dequantize_i8_f32", {
    zeroPoint: quantization!.zeroPoint[0]! - flipOf(format).offset,
    flip: flipOf(format).mask,
    scale: quantization!.scale[0]!,
    low: 0,
    high: 0,
  });
}

function convert(
  context: LowerContext,
  kernel: string,
  fields: Readonly<Record<string, number>>,
): boolean {
  const size = elementCount(context.inputs[0]!.shape);
  if (size === 0) return false;
  const { tileBytes, tiles } = splitBytes(size);
  context.step({
    kernel,
    tiles,
    fields: { ...fields, x: context.input(0), y: context.output(0), size, tileSize: tileBytes },
  });
  return true;
}
