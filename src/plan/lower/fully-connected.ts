/** FullyConnected: rows of x against panels of the weights. */
import {
  type FullyConnectedAttributes,
  fullyConnectedGeometry,
  fullyConnectedQuantization,
} from "../../operators/index.ts";
import type { LowerContext } from "./context.ts";
import { gatherBytes, gemmStep } from "./gemm-step.ts";
import { addPanels } from "./gemm-weights.ts";
import { layerProduct, productOperands } from "./layer-product.ts";

export function lowerFullyConnected(
  context: LowerContext,
  attributes: FullyConnectedAttributes,
): boolean {
  const operands = productOperands(context);
  if (operands === undefined) return false;
  const { x, w, narrowing } = operands;
  const { rows, columns, depth } = fullyConnectedGeometry(x, w.type);
  const { activation } = attributes;
  const shape = { m: rows, channels: columns, depth, parts: rows, activation };
  const quantization = () =>
    fullyConnectedQuantization(x, w.type, context.outputs[0]!, attributes, context.rounding);
  const product = layerProduct(context, operands, shape, quantization, rows);
  if (product === undefined) return false;
  const { weights } = product;
  const packing =
    narrowing === undefined
      ? { operation: "gemm" as const, packing: { xStride: depth * weights.elementBytes } }
      : { operation: "conv" as const, packing: rowWindows(rows, columns, depth, weights.border) };
  gemmStep(context, {
    ...packing,
    weights,
    x: product.x,
    panels: addPanels(context, weights, 1, columns)[0]!,
    y: product.y ?? context.output(0),
    m: rows,
    n: columns,
    yStride: columns * weights.elementBytes,
    packingBytes: narrowing === undefined ? 0 : gatherBytes(depth),
    note: `${rows}x${columns}x${depth}`,
  });
  product.finish?.();
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
