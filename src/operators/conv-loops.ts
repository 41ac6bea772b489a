/** The loops of Conv2D: on codes, on floats, and on floats that are quantized at run time. */
import { f32, type Rounding } from "../quantization/index.ts";
import { elementCount, type Tensor } from "../tensor/index.ts";
import { clampFloat, floatActivationRange } from "./activation-range.ts";
import type { ConvGeometry } from "./conv-geometry.ts";
import {
  conv2DQuantization,
  correctedCodes,
  correctedWeights,
  type ConvQuantization,
  type OutputAttributes,
  requantize,
} from "./conv-quantization.ts";
import { dequantizeSum, dynamicParts, quantizeDynamically, weightScale } from "./dynamic-range.ts";
import type { Activation } from "./operator.ts";
import { blockCodes, blockStage, hasBlocks } from "./weight-blocks.ts";

/**
 * The inputs of one output position and group in the order (kh, kw, c) of the filters. Taps outside
 * the image are 0: codes come with their zero point removed.
 */
export function gatherPatch<T extends Int16Array | Float32Array>(
  x: T,
  geometry: ConvGeometry,
  [n, oy, ox, group]: readonly [number, number, number, number],
  patch: T,
): void {
  const { input, filter, strides, dilations, border, inputChannels, groups } = geometry;
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

export function convolveCodes(
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  geometry: ConvGeometry,
  attributes: OutputAttributes,
  rounding: Rounding,
): void {
  const { batch, outputChannels, groups, depth, output } = geometry;
  const x1 = correctedCodes(x, x.type.quantization!.zeroPoint[0]!);
  const code = hasBlocks(w.type)
    ? blockCodes(w, bias, blockStage(x.type, w.type, y.type, attributes.activation))
    : sumCodes(w, bias, conv2DQuantization(x.type, w.type, y.type, attributes, rounding));
  const patch = new Int16Array(depth);
  const perGroup = outputChannels / groups;
  let index = 0;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < output[0]; oy++) {
      for (let ox = 0; ox < output[1]; ox++) {
        for (let o = 0; o < outputChannels; o++) {
          if (o % perGroup === 0) gatherPatch(x1, geometry, [n, oy, ox, o / perGroup], patch);
          y.data[index++] = code(patch, o);
        }
      }
    }
  }
}

export function convolveDynamically(
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  geometry: ConvGeometry,
  activation: Activation,
  rounding: Rounding,
): void {
  const { batch, outputChannels, groups, depth, output } = geometry;
  const parts = dynamicParts(geometry, rounding);
  const partPixels = (batch * output[0] * output[1]) / parts;
  const { codes, scales } = quantizeDynamically(x.data as Float32Array, parts, w.type, rounding);
  const weights = correctedWeights(w, new Int32Array(outputChannels), depth);
  const biases = bias?.data as Float32Array | undefined;
  const range = floatActivationRange(activation);
  const patch = new Int16Array(depth);
  const perGroup = outputChannels / groups;
  let index = 0;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < output[0]; oy++) {
      for (let ox = 0; ox < output[1]; ox++) {
        for (let o = 0; o < outputChannels; o++) {
          if (o % perGroup === 0) gatherPatch(codes, geometry, [n, oy, ox, o / perGroup], patch);
          const sum = dotCodes(patch, weights, o * depth, 0);
          const inputScale = scales[Math.floor(index / outputChannels / partPixels)]!;
          const value = dequantizeSum(sum, inputScale, weightScale(w.type, o), biases?.[o] ?? 0);
          y.data[index++] = clampFloat(value, range);
        }
      }
    }
  }
}

/** Gives the code of an output of a channel from its inputs, less their zero point. */
export function sumCodes(
  w: Tensor,
  bias: Tensor | undefined,
  { weightZeroPoints, output }: ConvQuantization,
): (x: Int16Array, channel: number) => number {
  const depth = elementCount(w.type.shape) / weightZeroPoints.length;
  const weights = correctedWeights(w, weightZeroPoints, depth);
  const biases = bias?.data as Int32Array | undefined;
  return (x, channel) =>
    requantize(dotCodes(x, weights, channel * depth, biases?.[channel] ?? 0), channel, output);
}

/** start + Σ a[k] · w[from + k]: exact, because infer proved that no sum leaves int32. */
export function dotCodes(a: Int16Array, w: Int16Array, from: number, start: number): number {
  let sum = start | 0;
  for (let k = 0; k < a.length; k++) {
    sum = (sum + Math.imul(a[k]!, w[from + k]!)) | 0;
  }
  return sum;
}

/**
 * Float32, one rounding per multiply and per add, in the order (kh, kw, c), starting from the bias.
 * Padded taps are ordinary multiply-adds of x = 0.
 */
export function convolveFloats(
  x: Float32Array,
  w: Float32Array,
  bias: Float32Array | undefined,
  y: Float32Array,
  geometry: ConvGeometry,
  activation: Activation,
): void {
  const { batch, outputChannels, groups, depth, output } = geometry;
  const range = floatActivationRange(activation);
  const patch = new Float32Array(depth);
  const perGroup = outputChannels / groups;
  let index = 0;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < output[0]; oy++) {
      for (let ox = 0; ox < output[1]; ox++) {
        for (let o = 0; o < outputChannels; o++) {
          if (o % perGroup === 0) gatherPatch(x, geometry, [n, oy, ox, o / perGroup], patch);
          const sum = dotFloats(patch, w, o * depth, bias === undefined ? 0 : bias[o]!);
          y[index++] = clampFloat(sum, range);
        }
      }
    }
  }
}

/** start + Σ a[k] · w[from + k] in float32, k ascending. */
export function dotFloats(a: Float32Array, w: Float32Array, from: number, start: number): number {
  let sum = f32(start);
  for (let k = 0; k < a.length; k++) {
    sum = f32(sum + f32(a[k]! * w[from + k]!));
  }
  return sum;
}
