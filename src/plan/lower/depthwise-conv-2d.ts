/** DepthwiseConv2D to `depthwise_*`: panels of channels, tiles of output rows. */
import {
  depthwisePanelBytes,
  depthwiseSteps,
  packDepthwise,
  packDepthwiseFloats,
} from "../../kernels/index.ts";
import {
  convQuantization,
  correctedWeights,
  type DepthwiseConv2DAttributes,
  type DepthwiseGeometry,
  depthwiseGeometry,
  floatActivationRange,
} from "../../operators/index.ts";
import type { LowerContext, StepRequest } from "./context.ts";
import { flipOf, splitRows } from "./tiles.ts";

/** Multiply-accumulates of one tile: 20 to 100 µs at the kernels' speed. */
const TILE_MACS = 500_000;

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
  const weights = correctedWeights(context.constant(1)!, weightZeroPoints, 1);
  const filters = { weights, height: filter[0], width: filter[1], channels };
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
    kernel: "depthwise_f32_f32_4x4",
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

/** bias[c] − z_x · Σ w[…, c], modulo 2^32. */
function foldedBias(
  bias: Int32Array | undefined,
  weights: Int16Array,
  zeroPoint: number,
  channels: number,
): Int32Array {
  const folded = bias === undefined ? new Int32Array(channels) : Int32Array.from(bias);
  for (let i = 0; i < weights.length; i++) {
    folded[i % channels]! -= zeroPoint * weights[i]!;
  }
  return folded;
}

/** What the forms share: geometry, ring and tiles. `columns`: taps that one filter row reads. */
function placement(
  context: LowerContext,
  g: DepthwiseGeometry,
  elementBytes: number,
  columns: number,
  fields: StepRequest["fields"],
): Omit<StepRequest, "kernel"> {
  const { outputChannels: channels, filter, strides, dilations, border } = g;
  // Outputs are made four at a time: the last ones of a row may lie beyond it.
  const outputs = Math.ceil(g.output[1] / 4) * 4;
  const touched = (outputs - 1) * strides[1] + columns * dilations[1] + 1;
  const width = Math.max(touched, border.left + g.input[1] + border.right);
  const rowBytes = Math.ceil((width * channels * elementBytes + 16) / 16) * 16;
  const ringRows = (filter[0] - 1) * dilations[0] + 1;
  const rowMacs = g.output[1] * channels * filter[0] * filter[1];
  const { tileRows, tiles } = splitRows(g.output[0], rowMacs, TILE_MACS);
  return {
    tiles: tiles * g.batch,
    macs: rowMacs * g.output[0] * g.batch,
    scratchBytes: Math.ceil((filter[0] * 4) / 16) * 16 + ringRows * rowBytes + 64,
    note: `${filter.join("x")} s${strides.join("x")} ${channels}x${g.output.join("x")}`,
    fields: {
      ...fields,
      x: context.input(0),
      y: context.output(0),
      inputHeight: g.input[0],
      inputWidth: g.input[1],
      inputChannels: g.inputChannels,
      xStride: g.inputChannels * elementBytes,
      yStride: channels * elementBytes,
      channels,
      multiplier: g.multiplier,
      outputHeight: g.output[0],
      outputWidth: g.output[1],
      filterHeight: filter[0],
      strideY: strides[0],
      strideX: strides[1],
      dilationY: dilations[0],
      dilationX: dilations[1],
      padTop: border.top,
      padLeft: border.left,
      padRight: border.right,
      rowBytes,
      tileRows,
      tilesPerImage: tiles,
    },
  };
}
