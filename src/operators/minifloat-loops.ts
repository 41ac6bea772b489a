/** The loops of layers on minifloats; the rule is that of `minifloat-layers.ts`. */
import type { Tensor } from "../tensor/index.ts";
import type { ConvGeometry } from "./conv-geometry.ts";
import { gatherPatch } from "./conv-loops.ts";
import type { OutputAttributes } from "./conv-quantization.ts";
import type { DepthwiseGeometry } from "./depthwise-geometry.ts";
import type { MatrixGeometry } from "./matrix-geometry.ts";
import { layerOutput, layerSum, layerValues } from "./minifloat-layers.ts";

export function convolveMinifloats(
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  geometry: ConvGeometry,
  attributes: OutputAttributes,
): void {
  const { batch, outputChannels, groups, depth, output } = geometry;
  const values = layerValues(x);
  const weights = layerValues(w);
  const sum = layerSum(x.type, w.type, attributes, depth);
  const finish = layerOutput(x.type, w.type, bias, outputChannels, attributes);
  const patch = new Float32Array(depth);
  const perGroup = outputChannels / groups;
  let index = 0;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < output[0]; oy++) {
      for (let ox = 0; ox < output[1]; ox++) {
        for (let o = 0; o < outputChannels; o++, index++) {
          if (o % perGroup === 0) gatherPatch(values, geometry, [n, oy, ox, o / perGroup], patch);
          y.data[index] = finish(sum(patch, weights, o * depth, index), o);
        }
      }
    }
  }
}

export function multiplyMinifloats(
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  { rows, columns, depth }: MatrixGeometry,
  attributes: OutputAttributes,
): void {
  const values = layerValues(x);
  const weights = layerValues(w);
  const sum = layerSum(x.type, w.type, attributes, depth);
  const finish = layerOutput(x.type, w.type, bias, columns, attributes);
  for (let m = 0; m < rows; m++) {
    const row = values.subarray(m * depth, (m + 1) * depth);
    for (let n = 0; n < columns; n++) {
      const index = m * columns + n;
      y.data[index] = finish(sum(row, weights, n * depth, index), n);
    }
  }
}

export function convolveDepthwiseMinifloats(
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  geometry: DepthwiseGeometry,
  attributes: OutputAttributes,
): void {
  const { batch, output, filter, outputChannels: channels, multiplier } = geometry;
  const taps = filter[0] * filter[1];
  const values = layerValues(x);
  const weights = channelsFirst(layerValues(w), channels);
  const sum = layerSum(x.type, w.type, attributes, taps);
  const finish = layerOutput(x.type, w.type, bias, channels, attributes);
  const patch = new Float32Array(taps);
  let index = 0;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < output[0]; oy++) {
      for (let ox = 0; ox < output[1]; ox++) {
        for (let c = 0; c < channels; c++, index++) {
          gatherTaps(values, geometry, [n, oy, ox, Math.floor(c / multiplier)], patch);
          y.data[index] = finish(sum(patch, weights, c * taps, index), c);
        }
      }
    }
  }
}

/** One input channel's taps of an output position; 0 outside the image. */
function gatherTaps(
  x: Float32Array,
  { input, filter, strides, dilations, border, inputChannels }: DepthwiseGeometry,
  [n, oy, ox, channel]: readonly [number, number, number, number],
  patch: Float32Array,
): void {
  const [height, width] = input;
  let k = 0;
  for (let kh = 0; kh < filter[0]; kh++) {
    const iy = oy * strides[0] - border.top + kh * dilations[0];
    for (let kw = 0; kw < filter[1]; kw++) {
      const ix = ox * strides[1] - border.left + kw * dilations[1];
      const isInside = iy >= 0 && iy < height && ix >= 0 && ix < width;
      patch[k++] = isInside ? x[((n * height + iy) * width + ix) * inputChannels + channel]! : 0;
    }
  }
}

/** [taps][channels] → [channels][taps]. */
function channelsFirst(weights: Float32Array, channels: number): Float32Array {
  const taps = weights.length / channels;
  return weights.map((_, i) => weights[(i % taps) * channels + Math.floor(i / taps)]!);
}
