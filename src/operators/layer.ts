/**
 * The reference of Conv2D, DepthwiseConv2D and FullyConnected, which are one thing, a convolution in groups:
 *
 *     y[n, oy, ox, o] = finish(Σ_k patch[k] · w[o, k], o)      patch: the window's values in the order (kh, kw, c)
 *
 * Taps outside the image are products with 0. Depthwise convolutions have a group for each input channel,
 * fully connected layers are images of one pixel. The operands' formats choose among four arithmetics.
 */
import type { Rounding } from "../quantization/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { clampFloat, floatActivationRange } from "./activation-range.ts";
import { isCode } from "./checks.ts";
import type { ConvGeometry } from "./conv-geometry.ts";
import {
  type ConvQuantization,
  correctedCodes,
  correctedWeights,
  type OutputAttributes,
  requantize,
} from "./conv-quantization.ts";
import {
  dequantizeSum,
  dynamicParts,
  isDynamicRange,
  quantizeDynamically,
  weightScale,
} from "./dynamic-range.ts";
import { isMinifloatLayer, layerOutput, layerSum, layerValues } from "./minifloat-layers.ts";
import { dotCodes, dotFloats } from "./sums.ts";
import { blockCodes, blockStage, hasBlocks } from "./weight-blocks.ts";

type Values = Int16Array | Float32Array;

export interface Layer {
  readonly x: Tensor;
  readonly w: Tensor;
  readonly bias: Tensor | undefined;
  readonly y: Tensor;
  readonly geometry: ConvGeometry;
  readonly attributes: OutputAttributes;
  readonly rounding: Rounding;
  /** Of integer operands with scales that are not in blocks. */
  readonly quantization: () => ConvQuantization;
  /** The weights lie as [taps][channels], not [channels][taps]. */
  readonly isDepthwise?: boolean;
}

/** Writes y. */
export function computeLayer(layer: Layer): void {
  const { x, w } = layer;
  if (isMinifloatLayer(x.type, w.type)) computeMinifloats(layer);
  else if (isCode(x.type.format)) computeCodes(layer);
  else if (isDynamicRange(x.type, w.type)) computeDynamically(layer);
  else computeFloats(layer);
}

/** Calls `value` for every output with the inputs that it sums up, and its place in y. */
function eachOutput<T extends Values>(
  { geometry, y }: Layer,
  x: T,
  patch: T,
  value: (patch: T, channel: number, index: number) => number,
): void {
  const { batch, outputChannels, groups, output } = geometry;
  const perGroup = outputChannels / groups;
  let index = 0;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < output[0]; oy++) {
      for (let ox = 0; ox < output[1]; ox++) {
        for (let o = 0; o < outputChannels; o++) {
          if (o % perGroup === 0) gatherPatch(x, geometry, [n, oy, ox, o / perGroup], patch);
          y.data[index] = value(patch, o, index);
          index++;
        }
      }
    }
  }
}

/** The inputs of one output position and group, 0 outside the image: codes come without their zero point. */
function gatherPatch<T extends Values>(
  x: T,
  { input, filter, strides, dilations, border, inputChannels, groups }: ConvGeometry,
  [n, oy, ox, group]: readonly [number, number, number, number],
  patch: T,
): void {
  const [height, width] = input;
  const count = inputChannels / groups;
  let k = 0;
  for (let kh = 0; kh < filter[0]; kh++) {
    const iy = oy * strides[0] - border.top + kh * dilations[0];
    for (let kw = 0; kw < filter[1]; kw++) {
      const ix = ox * strides[1] - border.left + kw * dilations[1];
      if (iy < 0 || iy >= height || ix < 0 || ix >= width) {
        for (let c = 0; c < count; c++) patch[k++] = 0;
      } else {
        const from = ((n * height + iy) * width + ix) * inputChannels + group * count;
        for (let c = 0; c < count; c++) patch[k++] = x[from + c]!;
      }
    }
  }
}

/** Weights as [channels][depth]. */
function inOrder<T extends Values>({ isDepthwise, geometry }: Layer, weights: T): T {
  if (isDepthwise !== true) return weights;
  const { depth: taps, outputChannels } = geometry;
  return weights.map((_, i) => weights[(i % taps) * outputChannels + Math.floor(i / taps)]!) as T;
}

function computeCodes(layer: Layer): void {
  const { x, w, bias, y, geometry, attributes } = layer;
  const codes = correctedCodes(x, x.type.quantization!.zeroPoint[0]!);
  const code = hasBlocks(w.type)
    ? blockCodes(w, bias, blockStage(x.type, w.type, y.type, attributes.activation))
    : sumCodes(layer);
  eachOutput(layer, codes, new Int16Array(geometry.depth), code);
}

/** Gives the code of an output of a channel from its inputs, less their zero point. */
function sumCodes(layer: Layer): (patch: Int16Array, channel: number) => number {
  const { weightZeroPoints, output } = layer.quantization();
  const { depth } = layer.geometry;
  const inner = layer.isDepthwise === true ? 1 : depth;
  const weights = inOrder(layer, correctedWeights(layer.w, weightZeroPoints, inner));
  const biases = layer.bias?.data as Int32Array | undefined;
  return (patch, o) => requantize(dotCodes(patch, weights, o * depth, biases?.[o] ?? 0), o, output);
}

function computeDynamically(layer: Layer): void {
  const { x, w, bias, geometry, attributes, rounding } = layer;
  const { batch, outputChannels, depth, output } = geometry;
  const parts = dynamicParts(geometry, rounding);
  const perPart = (batch * output[0] * output[1] * outputChannels) / parts;
  const { codes, scales } = quantizeDynamically(x.data as Float32Array, parts, w.type, rounding);
  const weights = correctedWeights(w, new Int32Array(outputChannels), depth);
  const biases = bias?.data as Float32Array | undefined;
  const range = floatActivationRange(attributes.activation);
  eachOutput(layer, codes, new Int16Array(depth), (patch, o, index) => {
    const sum = dotCodes(patch, weights, o * depth, 0);
    const scale = scales[Math.floor(index / perPart)]!;
    return clampFloat(dequantizeSum(sum, scale, weightScale(w.type, o), biases?.[o] ?? 0), range);
  });
}

/** The sum starts from the bias. */
function computeFloats(layer: Layer): void {
  const { x, w, bias, geometry, attributes } = layer;
  const { depth } = geometry;
  const weights = inOrder(layer, w.data as Float32Array);
  const biases = bias?.data as Float32Array | undefined;
  const range = floatActivationRange(attributes.activation);
  eachOutput(layer, x.data as Float32Array, new Float32Array(depth), (patch, o) =>
    clampFloat(dotFloats(patch, weights, o * depth, biases?.[o] ?? 0), range),
  );
}

/** By the rule of `minifloat-layers.ts`. */
function computeMinifloats(layer: Layer): void {
  const { x, w, bias, geometry, attributes } = layer;
  const { depth, outputChannels } = geometry;
  const weights = inOrder(layer, layerValues(w));
  const sum = layerSum(x.type, w.type, attributes, depth);
  const finish = layerOutput(x.type, w.type, bias, outputChannels, attributes);
  eachOutput(layer, layerValues(x), new Float32Array(depth), (patch, o, index) =>
    finish(sum(patch, weights, o * depth, index), o),
  );
}
