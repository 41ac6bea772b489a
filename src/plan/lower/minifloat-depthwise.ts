/**
 * DepthwiseConv2D with minifloat weights: the float32 kernel on weights that are decoded at load, from
 * sums of +0, then scale, bias and clamp. For FP4 and FP6 any order of its sums is exact.
 */
import { packDepthwiseFloats } from "../../kernels/index.ts";
import {
  type DepthwiseConv2DAttributes,
  depthwiseGeometry,
  layerValues,
} from "../../operators/index.ts";
import type { LowerContext } from "./context.ts";
import { placement } from "./depthwise-placement.ts";
import { layerInput } from "./minifloat-layers.ts";
import { operandOfLayer } from "./minifloat-operands.ts";
import { scaleRows } from "./minifloat-sums.ts";

export function lowerMinifloatDepthwise(
  context: LowerContext,
  attributes: DepthwiseConv2DAttributes,
): boolean {
  if (operandOfLayer(context, context.node) === undefined) return false;
  const geometry = depthwiseGeometry(context.inputs[0]!, context.inputs[1]!, attributes);
  const { batch, output, outputChannels: channels, filter } = geometry;
  const x = layerInput(context, "f32");
  const rows = batch * output[0] * output[1];
  const sums = context.temporary("sums", rows * channels * 4);
  const panelBytes = (filter[0] * filter[1] + 1) * 16;
  const panels = context.addConstant("weights", Math.ceil(channels / 4) * panelBytes, (target) =>
    packDepthwiseFloats(target, layerValues(context.constant(1)!), undefined, channels),
  );
  const placed = placement(context, geometry, 4, filter[1], {
    ...{ panels, panelBytes, filterSteps: filter[1], padCode: 0, inputFlip: 0, outputFlip: 0 },
    ...{ zeroPoint: 0, low: 0, high: 0, lowLimit: -Infinity, highLimit: Infinity },
  });
  context.step({
    kernel: "depthwise_f32_f32_4x4",
    ...placed,
    fields: { ...placed.fields, x, y: sums },
  });
  scaleRows(context, attributes, sums, rows, channels);
  return true;
}
