/**
 * DepthwiseConv2D: y[…, c] = activation(bias[c] + Σ x[…, ⌊c / multiplier⌋] · w[0, kh, kw, c]); the
 * multiplier follows from the shapes (DEPTHWISE_CONV_2D of TFLite; docs/exactness.md, sections 3 and 4).
 */
import { isMinifloat } from "../formats/index.ts";
import { f32, type Rounding } from "../quantization/index.ts";
import { allocateTensor, elementCount, type Tensor } from "../tensor/index.ts";
import { clampFloat, floatActivationRange } from "./activation-range.ts";
import {
  checkActivation,
  checkCounts,
  checkFormat,
  isQuantized8,
  outputType,
  requireInput,
} from "./checks.ts";
import {
  type DepthwiseConv2DAttributes,
  type DepthwiseGeometry,
  depthwiseGeometry,
} from "./depthwise-geometry.ts";
import { checkMinifloatLayer, isMinifloatLayer } from "./minifloat-layers.ts";
import { convolveDepthwiseMinifloats } from "./minifloat-loops.ts";
import { checkFloatConv, checkQuantizedConv } from "./conv-checks.ts";
import {
  convQuantization,
  correctedCodes,
  correctedWeights,
  requantize,
} from "./conv-quantization.ts";
import type { Activation, Operator } from "./operator.ts";

export const depthwiseConv2D: Operator<DepthwiseConv2DAttributes> = {
  name: "DepthwiseConv2D",

  infer(inputs, attributes, declared, constants) {
    checkCounts(inputs, [2, 3], declared);
    const x = requireInput(inputs, 0, "an input");
    const w = requireInput(inputs, 1, "filters");
    const bias = inputs[2];
    const y = declared[0]!;
    if (!isMinifloat(x.format)) checkFormat(x, ["float32", "int8", "uint8"], "input");
    checkActivation(attributes.activation);
    const geometry = depthwiseGeometry(x, w, attributes);
    const channels = geometry.outputChannels;
    if (isMinifloatLayer(x, w)) {
      const { batch, output, filter } = geometry;
      checkMinifloatLayer({
        ...{ x, w, bias, y, channels, channelAxis: 3, depth: filter[0] * filter[1], attributes },
        sums: batch * output[0] * output[1] * channels,
      });
    } else if (isQuantized8(x.format)) {
      checkQuantizedConv({
        x,
        w,
        bias,
        y,
        constantWeights: constants[1],
        constantBias: constants[2],
        channels,
        channelAxis: 3,
        channelStride: 1,
        activation: attributes.activation,
      });
    } else {
      checkFloatConv(w, bias, y, channels);
    }
    return [outputType(y, [geometry.batch, ...geometry.output, channels])];
  },

  reference(inputs, attributes, { outputs, rounding }) {
    const [x, w, bias] = inputs as [Tensor, Tensor, Tensor | undefined];
    const y = allocateTensor(outputs[0]!);
    const geometry = depthwiseGeometry(x.type, w.type, attributes);
    if (isMinifloatLayer(x.type, w.type)) {
      convolveDepthwiseMinifloats(x, w, bias, y, geometry, attributes);
    } else if (isQuantized8(x.type.format)) {
      convolveCodes(x, w, bias, y, geometry, attributes.activation, rounding);
    } else {
      convolveFloats(x, w, bias, y, geometry, attributes.activation);
    }
    return [y];
  },

  macs(inputs, outputs) {
    const w = inputs[1]!.shape;
    return elementCount(outputs[0]!.shape) * w[1]! * w[2]!;
  },
};

/** Position of the first channel of input (n, iy, ix), or −1 outside the image. */
function inputOffset(g: DepthwiseGeometry, n: number, iy: number, ix: number): number {
  const [height, width] = g.input;
  if (iy < 0 || iy >= height || ix < 0 || ix >= width) return -1;
  return ((n * height + iy) * width + ix) * g.inputChannels;
}

function convolveCodes(
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  geometry: DepthwiseGeometry,
  activation: Activation,
  rounding: Rounding,
): void {
  const { batch, output, filter, strides, dilations, border, outputChannels: channels } = geometry;
  const constants = convQuantization(x.type, w.type, y.type, channels, activation, rounding);
  const x1 = correctedCodes(x, constants.inputZeroPoint);
  const w1 = correctedWeights(w, constants.weightZeroPoints, 1);
  const sums = new Int32Array(channels);
  let index = 0;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < output[0]; oy++) {
      for (let ox = 0; ox < output[1]; ox++) {
        if (bias === undefined) sums.fill(0);
        else sums.set(bias.data as Int32Array);
        for (let kh = 0; kh < filter[0]; kh++) {
          const iy = oy * strides[0] - border.top + kh * dilations[0];
          for (let kw = 0; kw < filter[1]; kw++) {
            const ix = ox * strides[1] - border.left + kw * dilations[1];
            const from = inputOffset(geometry, n, iy, ix);
            if (from < 0) continue;
            addTapCodes(sums, x1, from, w1, (kh * filter[1] + kw) * channels, geometry.multiplier);
          }
        }
        for (let c = 0; c < channels; c++) {
          y.data[index++] = requantize(sums[c]!, c, constants.output);
        }
      }
    }
  }
}

/** sums[c] += x[from + ⌊c / multiplier⌋] · w[tap + c]. */
function addTapCodes(
  sums: Int32Array,
  x: Int16Array,
  from: number,
  w: Int16Array,
  tap: number,
  multiplier: number,
): void {
  let c = 0;
  for (let i = from; c < sums.length; i++) {
    const value = x[i]!;
    for (const end = c + multiplier; c < end; c++) {
      sums[c] = (sums[c]! + Math.imul(value, w[tap + c]!)) | 0;
    }
  }
}

/**
 * Float32, one rounding per multiply and per add, in the order (kh, kw), starting from the bias.
 * Padded taps are ordinary multiply-adds of x = 0.
 */
function convolveFloats(
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  geometry: DepthwiseGeometry,
  activation: Activation,
): void {
  const { batch, output, filter, strides, dilations, border, outputChannels: channels } = geometry;
  const range = floatActivationRange(activation);
  const padded = new Float32Array(geometry.inputChannels);
  const sums = new Float32Array(channels);
  let index = 0;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < output[0]; oy++) {
      for (let ox = 0; ox < output[1]; ox++) {
        if (bias === undefined) sums.fill(0);
        else sums.set(bias.data as Float32Array);
        for (let kh = 0; kh < filter[0]; kh++) {
          const iy = oy * strides[0] - border.top + kh * dilations[0];
          for (let kw = 0; kw < filter[1]; kw++) {
            const ix = ox * strides[1] - border.left + kw * dilations[1];
            const from = inputOffset(geometry, n, iy, ix);
            addTapFloats(
              sums,
              from < 0 ? padded : (x.data as Float32Array),
              Math.max(from, 0),
              w.data as Float32Array,
              (kh * filter[1] + kw) * channels,
              geometry.multiplier,
            );
          }
        }
        for (let c = 0; c < channels; c++) y.data[index++] = clampFloat(sums[c]!, range);
      }
    }
  }
}

/** sums[c] = f32(sums[c] + f32(x[from + ⌊c / multiplier⌋] · w[tap + c])). */
function addTapFloats(
  sums: Float32Array,
  x: Float32Array,
  from: number,
  w: Float32Array,
  tap: number,
  multiplier: number,
): void {
  let c = 0;
  for (let i = from; c < sums.length; i++) {
    const value = x[i]!;
    for (const end = c + multiplier; c < end; c++) {
      sums[c] = f32(sums[c]! + f32(value * w[tap + c]!));
    }
  }
}
