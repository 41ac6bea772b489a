/**
 * The runs of an output channel's weights that have a scale each: all its weights, or blocks along its sum,
 * which do not cross a tap. The taps of a depthwise filter are its sum: they are one block, or if they are
 * more than a block holds, blocks in each row of the filter.
 */
import { perBlock, perChannel, type Quantization } from "../quantization/index.ts";
import type { Shape } from "../tensor/index.ts";
import type { WeightLayout } from "./weight-layout.ts";

export interface ScaleRuns {
  /** Where the runs of a channel end; the last end is its depth. */
  readonly ends: readonly number[];
  /** Where the scale of a channel's run stands among all scales. */
  scaleAt(channel: number, run: number): number;
  quantization(scales: Float32Array): Quantization;
}

/** @param blockSize weights of a block; undefined: a scale per output channel */
export function scaleRuns(
  shape: Shape,
  { axis, channels, depth, inputs }: WeightLayout,
  blockSize: number | undefined,
): ScaleRuns {
  const isDepthwise = axis !== 0;
  if (blockSize === undefined || (isDepthwise && depth <= blockSize)) {
    return {
      ends: [depth],
      scaleAt: (channel) => channel,
      quantization: (scales) => perChannel(scales, new Int32Array(channels), axis),
    };
  }
  const blockAxis = isDepthwise ? axis - 1 : shape.length - 1;
  const length = isDepthwise ? shape[blockAxis]! : inputs;
  const ends: number[] = [];
  for (let first = 0; first < depth; first += length) {
    for (let k = blockSize; k < length; k += blockSize) ends.push(first + k);
    ends.push(first + length);
  }
  return {
    ends,
    scaleAt: (channel, run) =>
      isDepthwise ? run * channels + channel : channel * ends.length + run,
    quantization: (scales) => perBlock(scales, blockAxis, blockSize),
  };
}
