/** Where the weights of an output channel lie in w, and which input each of them meets. */
import type { Node } from "../graph/index.ts";
import { depthwiseConv2D, type Operator } from "../operators/index.ts";
import type { Shape } from "../tensor/index.ts";

export interface WeightLayout {
  /** Of w, for scales. */
  readonly axis: number;
  readonly channels: number;
  /** Weights of one output channel. */
  readonly depth: number;
  /** Input channels that weights 0, 1, 2 … of an output channel meet in turn. */
  readonly inputs: number;
  /** Index in w of weight k of output channel c. */
  weightAt(c: number, k: number): number;
  /** Its tap and input channel, as tap · (channels of x) + channel. */
  inputAt(c: number, k: number): number;
}

/**
 * @param node Conv2D, with groups or without, DepthwiseConv2D or FullyConnected, whose inputs are one tap
 * @param inputChannels the last extent of x, or what a FullyConnected reads as one row
 */
export function weightLayout(
  { operator }: Node,
  shape: Shape,
  inputChannels: number,
): WeightLayout {
  if (operator === (depthwiseConv2D as Operator<never>)) {
    const channels = shape[3]!;
    const multiplier = channels / inputChannels;
    return {
      ...{ axis: 3, channels, depth: shape[1]! * shape[2]!, inputs: 1 },
      weightAt: (c, k) => k * channels + c,
      inputAt: (c, k) => k * inputChannels + Math.floor(c / multiplier),
    };
  }
  const channels = shape[0]!;
  const inputs = shape.at(-1)!;
  const depth = shape.slice(1).reduce((product, extent) => product * extent, 1);
  const perGroup = (channels * inputs) / inputChannels;
  return {
    ...{ axis: 0, channels, depth, inputs },
    weightAt: (c, k) => c * depth + k,
    inputAt: (c, k) => {
      const channel = Math.floor(c / perGroup) * inputs + (k % inputs);
      return Math.floor(k / inputs) * inputChannels + channel;
    },
  };
}
