/** FullyConnected: rows of x against panels of the weights. */
import {
  type FullyConnectedAttributes,
  fullyConnectedGeometry,
  fullyConnectedQuantization,
  isDynamicRange,
} from "../../operators/index.ts";
import type { LowerContext } from "./context.ts";
import { addPanels, floatWeights, gemmStep, integerWeights } from "./gemm-step.ts";

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
  // Quantized at run time: no kernel has that form.
  if (isDynamicRange(x, w) || x.format.bits < 8) return false;
  const { rows, columns, depth } = fullyConnectedGeometry(x, w);
  const weights =
    x.format.name === "float32"
      ? floatWeights(constantWeights, bias, depth, attributes.activation)
      : integerWeights(
          context,
          constantWeights,
          depth,
          fullyConnectedQuantization(x, w, y, attributes, context.rounding),
        );
  gemmStep(context, {
    operation: "gemm",
    weights,
    x: context.input(0),
    panels: addPanels(context, weights, 1, columns)[0]!,
    y: context.output(0),
    m: rows,
    n: columns,
    yStride: columns * weights.elementBytes,
    packing: { xStride: depth * weights.elementBytes },
    packingBytes: 0,
    note: `${rows}x${columns}x${depth}`,
  });
  return true;
}
