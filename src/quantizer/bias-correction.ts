/**
 * What the rounding of weights adds to the mean of an output, taken off the bias (Nagel et al. 2019):
 *
 *     b'[c] = b[c] + mean over outputs of Σ (w[c, k] − ŵ[c, k]) · x[k] = b[c] + Σ (w − ŵ)[c, k] · <x[k]>
 *
 * <x[k]> is the mean of what weight k reads, padding included, over samples and positions.
 */
import type { Node } from "../graph/index.ts";
import {
  type Conv2DAttributes,
  convGeometry,
  depthwiseConv2D,
  depthwiseGeometry,
  fullyConnected,
  type Operator,
  type WindowGeometry,
} from "../operators/index.ts";
import { f32 } from "../quantization/index.ts";
import type { Shape, TensorType } from "../tensor/index.ts";
import type { WeightLayout } from "./weight-layout.ts";

export interface RoundedLayer {
  readonly node: Node;
  readonly layout: WeightLayout;
  readonly x: TensorType;
  readonly w: TensorType;
  /** Weights before and after, in real numbers. */
  readonly weights: Float32Array;
  readonly rounded: Float32Array;
  readonly bias: Float32Array | undefined;
}

/** @param mean of every element of x, over samples */
export function correctedBias(layer: RoundedLayer, mean: Float64Array): Float32Array {
  const { layout, weights, rounded, bias } = layer;
  const means = inputMeans(layer, mean);
  return Float32Array.from({ length: layout.channels }, (_, c) => {
    let change = 0;
    for (let k = 0; k < layout.depth; k++) {
      const at = layout.weightAt(c, k);
      change += (weights[at]! - rounded[at]!) * means[layout.inputAt(c, k)]!;
    }
    return f32((bias?.[c] ?? 0) + change);
  });
}

/** <x> by tap and input channel. */
function inputMeans({ node, x, w }: RoundedLayer, mean: Float64Array): Float64Array {
  if (node.operator === (fullyConnected as Operator<never>)) {
    const depth = w.shape[1]!;
    const means = new Float64Array(depth);
    for (let i = 0; i < mean.length; i++) means[i % depth]! += (mean[i]! * depth) / mean.length;
    return means;
  }
  const attributes = node.attributes as unknown as Conv2DAttributes;
  const isDepthwise = node.operator === (depthwiseConv2D as Operator<never>);
  const geometry = (isDepthwise ? depthwiseGeometry : convGeometry)(x, w, attributes);
  return windowMeans(x.shape, geometry, mean);
}

function windowMeans(
  shape: Shape,
  { output, filter, strides, dilations, border }: WindowGeometry,
  mean: Float64Array,
): Float64Array {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  const taps = filter[0] * filter[1];
  const means = new Float64Array(taps * channels);
  const share = 1 / (batch * output[0] * output[1]);
  for (let tap = 0; tap < taps; tap++) {
    const own = means.subarray(tap * channels, (tap + 1) * channels);
    const down = Math.floor(tap / filter[1]) * dilations[0] - border.top;
    const right = (tap % filter[1]) * dilations[1] - border.left;
    for (let line = 0; line < batch * output[0]; line++) {
      const row = (line % output[0]) * strides[0] + down;
      if (row < 0 || row >= height) continue;
      const first = (Math.floor(line / output[0]) * height + row) * width;
      for (let o = 0; o < output[1]; o++) {
        const column = o * strides[1] + right;
        if (column < 0 || column >= width) continue;
        const from = (first + column) * channels;
        for (let c = 0; c < channels; c++) own[c]! += mean[from + c]! * share;
      }
    }
  }
  return means;
}
