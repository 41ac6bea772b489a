/** Where the weights of an output channel lie in w, and which input channels they meet. */
import type { Node } from "../graph/index.ts";
import { depthwiseConv2D, fullyConnected, type Operator } from "../operators/index.ts";
import type { TensorType } from "../tensor/index.ts";

export interface WeightLayout {
  /** Of w, for scales. */
  readonly axis: number;
  readonly channels: number;
  /** Weights of one output channel. */
  readonly depth: number;
  /** Input channels that weights 0, 1, 2 … of an output channel meet in turn. */
  readonly inputs: number;
  /** Index in w of weight k of output channel c. */
  readonly weightAt: (c: number, k: number) => number;
  /** Which set of input channels output channel c reads, where filters read only a part of them. */
  readonly groupOf: (c: number) => number;
}

/**
 * @param node Conv2D, with groups or without, DepthwiseConv2D or FullyConnected
 * @param x what it reads
 * @param w its weights
 */
export function weightLayout({ operator }: Node, x: TensorType, w: TensorType): WeightLayout {
  const { shape } = w;
  if (operator === (depthwiseConv2D as Operator<never>)) {
    const channels = shape[3]!;
    const multiplier = channels / x.shape[3]!;
    return {
      ...{ axis: 3, channels, depth: shape[1]! * shape[2]!, inputs: 1 },
      weightAt: (c, k) => k * channels + c,
      groupOf: (c) => Math.floor(c / multiplier),
    };
  }
  const channels = shape[0]!;
  const inputs = shape.at(-1)!;
  const depth = shape.slice(1).reduce((product, extent) => product * extent, 1);
  const isMatrix = operator === (fullyConnected as Operator<never>);
  const perGroup = isMatrix ? channels : (channels * inputs) / x.shape[3]!;
  return {
    ...{ axis: 0, channels, depth, inputs },
    weightAt: (c, k) => c * depth + k,
    groupOf: (c) => Math.floor(c / perGroup),
  };
}
