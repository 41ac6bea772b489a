/** FullyConnected: rows of x against panels of the weights. */
import {
  type FullyConnectedAttributes,
  fullyConnectedGeometry,
  fullyConnectedQuantization,
  hasBlocks,
  isDynamicRange,
} from "../../operators/index.ts";
import { blockWeights } from "./block-weights.ts";
import type { LowerContext } from "./context.ts";
import { dynamicProduct } from "./dynamic-range.ts";
import { addPanels, floatWeights, gatherBytes, gemmStep, integerWeights } from "./gemm-step.ts";
import { narrowingOf } from "./narrowing.ts";

export function lowerFullyConnected(
  context: LowerContext,
  attributes: FullyConnectedAttributes,
): boolean {
  const [x, w] = context.inputs;
  const y = context.outputs[0]!;
  const constantWeights = context.constant(1);
  const bias = context.constant(2);
  if (x === undefined || w === undefined || constantWeights === undefined) return false;
  if (context.inputs[2] !== undefined && bias === undefined) return false;
  const narrowing = x.format.bits < 8 ? narrowingOf(context.graph, context.node) : undefined;
  if (x.format.bits < 8 && narrowing === undefined) return false;
  const { rows, columns, depth } = fullyConnectedGeometry(x, w);
  const { activation } = attributes;
  const shape = { m: rows, channels: columns, depth, parts: rows, activation };
  const isDynamic = isDynamicRange(x, w);
  const dynamic = isDynamic ? dynamicProduct(context, constantWeights, shape) : undefined;
  const weights = isDynamic
    ? dynamic?.weights
    : x.format.name === "float32"
      ? floatWeights(context, constantWeights, bias, depth, attributes.activation)
      : hasBlocks(w)
        ? blockWeights(context, constantWeights, depth, attributes.activation, narrowing)
        : integerWeights(
            context,
            constantWeights,
            depth,
            fullyConnectedQuantization(x, w, y, attributes, context.rounding),
            { narrowing, rows },
          );
  if (weights === undefined) return false;
  const packing =
    narrowing === undefined
      ? { operation: "gemm" as const, packing: { xStride: depth * weights.elementBytes } }
      : { operation: "conv" as const, packing: rowWindows(rows, columns, depth, weights.border) };
  gemmStep(context, {
    ...packing,
    weights,
    x: dynamic?.x ?? (narrowing === undefined ? context.input(0) : context.place(narrowing.source)),
    panels: addPanels(context, weights, 1, columns)[0]!,
    y: dynamic?.y ?? context.output(0),
    m: rows,
    n: columns,
    yStride: columns * weights.elementBytes,
    packingBytes: narrowing === undefined ? 0 : gatherBytes(depth),
    note: `${rows}x${columns}x${depth}`,
  });
  dynamic?.finish();
  return true;
}

/** Rows as the pixels of an image of one line: fields of `ConvParameters`. */
function rowWindows(
  rows: number,
  columns: number,
  depth: number,
  border: number,
): Readonly<Record<string, number>> {
  return {
    height: 1,
    width: rows,
    xStride: depth,
    channelBytes: depth,
    outHeight: 1,
    outWidth: rows,
    kernelHeight: 1,
    kernelWidth: 1,
    strideY: 1,
    strideX: 1,
    dilationY: 1,
    dilationX: 1,
    top: 0,
    left: 0,
    border,
    yRowStride: rows * columns,
    yImageStride: rows * columns,
  };
}
