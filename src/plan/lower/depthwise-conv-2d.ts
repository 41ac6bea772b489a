/** DepthwiseConv2D to `depthwise_*`: panels of channels, tiles of output rows. */
import {
  depthwisePanelBytes,
  depthwiseSteps,
  packDepthwise,
  packDepthwiseFloats,
} from "../../kernels/index.ts";
import {
  compactWeights,
  convQuantization,
  type DepthwiseConv2DAttributes,
  type DepthwiseGeometry,
  depthwiseGeometry,
  floatActivationRange,
} from "../../operators/index.ts";
import type { LowerContext } from "./context.ts";
import { foldedBias, placement } from "./depthwise-placement.ts";
import { lowerQuads } from "./depthwise-quads.ts";
import { flipOf } from "./tiles.ts";

export function lowerDepthwiseConv2D(
  context: LowerContext,
  attributes: DepthwiseConv2DAttributes,
): boolean {
  const [x, w] = context.inputs;
  if (x === undefined || w === undefined || context.constant(1) === undefined) return false;
  const geometry = depthwiseGeometry(x, w, attributes);
  if (x.format.name === "float32") {
    return w.format.name === "float32" && lowerFloats(context, geometry, attributes);
  }
  return lowerCodes(context, geometry, attributes);
}

function lowerCodes(
  context: LowerContext,
  geometry: DepthwiseGeometry,
  { activation }: DepthwiseConv2DAttributes,
): boolean {
  const [x, w] = context.inputs;
  const y = context.outputs[0]!;
  const { outputChannels: channels, filter } = geometry;
  const { inputZeroPoint, weightZeroPoints, output } = convQuantization(
    x!,
    w!,
    y,
    channels,
    activation,
    context.rounding,
  );
  if (output.rule !== "fp32" && output.rule !== "fixed") return false;
  const { multipliers, range } = output;
  const weights = compactWeights(context.constant(1)!, weightZeroPoints, 1);
  const filters = { weights, height: filter[0], width: filter[1], channels };
  if (
    output.rule === "fp32" &&
    lowerQuads(context, geometry, filters, inputZeroPoint, output.multipliers, range)
  ) {
    return true;
  }
  const fixed = output.rule === "fixed";
  const strideOne =
    !fixed &&
    geometry.strides[1] === 1 &&
    geometry.dilations[1] === 1 &&
    context.forced !== "depthwise_i8_i16_4x8c2";
  const input = flipOf(x!.format);
  const result = flipOf(y.format);
  const padCode = inputZeroPoint - input.offset;
  const bias = foldedBias(
    context.constant(2)?.data as Int32Array | undefined,
    weights,
    padCode,
    channels,
  );
  const panelBytes = depthwisePanelBytes(filters, strideOne, fixed);
  const panels = context.addConstant("weights", Math.ceil(channels / 8) * panelBytes, (target) =>
    packDepthwise(target, filters, bias, multipliers, strideOne),
  );
  const steps = depthwiseSteps(filter[1], strideOne);
  context.step({
    kernel: `depthwise_i8_i16_4x8c2${fixed ? "_fixed" : strideOne ? "_s1" : ""}`,
    ...placement(context, geometry, 1, steps * 2, {
      panels,
      panelBytes,
      filterSteps: steps,
      padCode,
      inputFlip: input.mask,
      outputFlip: result.mask,
      zeroPoint: range.zeroPoint - result.offset,
      low: range.low - result.offset,
      high: range.high - result.offset,
      lowLimit: 0,
      highLimit: 0,
    }),
  });
  return true;
}

function lowerFloats(
  context: LowerContext,
  geometry: DepthwiseGeometry,
  { activation }: DepthwiseConv2DAttributes,
): boolean {
  const { outputChannels: channels, filter } = geometry;
  const weights = context.constant(1)!.data as Float32Array;
  const bias = context.constant(2)?.data as Float32Array | undefined;
  if (context.inputs[2] !== undefined && bias === undefined) return false;
  const { low, high } = floatActivationRange(activation);
  const panelBytes = (filter[0] * filter[1] + 1) * 16;
  const panels = context.addConstant("weights", Math.ceil(channels / 4) * panelBytes, (target) =>
    packDepthwiseFloats(target, weights, bias, channels),
  );
  context.step({
    kernel: "depthwise_f32_f32_4x8",
    ...placement(context, geometry, 4, filter[1], {
      panels,
      panelBytes,
      filterSteps: filter[1],
      padCode: 0,
      inputFlip: 0,
      outputFlip: 0,
      zeroPoint: 0,
      low: 0,
      high: 0,
      lowLimit: low,
      highLimit: high,
    }),
  });
  return true;
}
