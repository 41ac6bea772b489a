/**
 * A small network for the tests of re-quantization. Two layers read the output of the first one:
 *
 *     first ──┬──▶ branch3 (3×3) ──▶ add ──▶ depthwise ──▶ behind ──▶ last (fully connected)
 *             └──▶ branch1 (1×1) ────▲
 */
import { float32, int32, int8, uint8, type Format } from "../../src/formats/index.ts";
import {
  createNode,
  type Graph,
  inferGraph,
  type Node,
  type Value,
} from "../../src/graph/index.ts";
import { add, conv2D, depthwiseConv2D, fullyConnected } from "../../src/operators/index.ts";
import { perChannel, perTensor, type Quantization } from "../../src/quantization/index.ts";
import { elementCount, type Shape, type Tensor, type TensorData } from "../../src/tensor/index.ts";
import { randomSource } from "../kernels/runner.ts";

export const SIZE = 6;

export interface NetworkOptions {
  /** Format of activations and weights. Default int8. */
  readonly format?: Format;
  /** Zero point of the inner activations: the lowest code (default) is that of a ReLU. */
  readonly zeroPoint?: number;
  /** Weights are multiples of this, biases too. Default 1. */
  readonly step?: number;
  /** Output channels of the first layer. Default 9. */
  readonly channels?: number;
}

export function smallNetwork({
  format = int8,
  zeroPoint = format.min,
  step = 1,
  channels = 9,
}: NetworkOptions = {}): Graph {
  const random = randomSource(7);
  const values: Value[] = [];
  const nodes: Node[] = [];
  const isFloat = format === float32;
  const integer = (low: number, high: number) => Math.floor(random() * (high - low + 1)) + low;
  const activation = (shape: Shape, scale: number, z = zeroPoint) =>
    isFloat ? { format, shape } : { format, shape, quantization: perTensor(scale, z) };
  const constant = (name: string, tensor: Tensor) =>
    values.push({ name, type: tensor.type, constant: tensor }) - 1;
  const weights = (name: string, shape: Shape, axis: number): number => {
    const count = elementCount(shape);
    if (isFloat) {
      const data = Float32Array.from({ length: count }, () => random() * 2 - 1);
      return constant(name, { type: { format, shape }, data });
    }
    const reach = Math.floor(127 / step);
    const codes = Array.from({ length: count }, () => step * integer(-reach, reach));
    // uint8 files have one scale and a zero point.
    const quantization: Quantization =
      format === uint8
        ? perTensor(0.01, 120)
        : perChannel(
            Float32Array.from({ length: shape[axis]! }, (_, c) => 0.004 + 0.002 * (c % 5)),
            new Int32Array(shape[axis]!),
            axis,
          );
    const data =
      format === uint8 ? Uint8Array.from(codes, (code) => code + 120) : Int8Array.from(codes);
    return constant(name, { type: { format, shape, quantization }, data });
  };
  const bias = (name: string, channels: number): number =>
    isFloat
      ? constant(name, {
          type: { format, shape: [channels] },
          data: Float32Array.from({ length: channels }, () => random() - 0.5),
        })
      : constant(name, {
          type: { format: int32, shape: [channels] },
          data: Int32Array.from({ length: channels }, () => step * integer(-500, 500)),
        });
  const output = (name: string, shape: Shape, scale: number): number =>
    values.push({ name, type: activation(shape, scale) }) - 1;
  const window = { strides: [1, 1], dilations: [1, 1], padding: "same" } as const;
  const conv = (name: string, x: number, w: Shape, activationName: "none" | "relu"): number => {
    const y = output(name, [1, SIZE, SIZE, w[0]!], 0.05);
    const inputs = [x, weights(`${name}/w`, w, 0), bias(`${name}/b`, w[0]!)];
    const attributes = { ...window, activation: activationName };
    nodes.push(createNode(name, conv2D, attributes, inputs, [y]));
    return y;
  };

  const input = values.push({ name: "input", type: activation([1, SIZE, SIZE, 3], 0.02, 3) }) - 1;
  const first = conv("first", input, [channels, 3, 3, 3], "relu");
  const branch3 = conv("branch3", first, [7, 3, 3, channels], "none");
  const branch1 = conv("branch1", first, [7, 1, 1, channels], "none");
  const sum = output("add", [1, SIZE, SIZE, 7], 0.08);
  nodes.push(createNode("add", add, { activation: "none" }, [branch3, branch1], [sum]));
  const depthwise = output("depthwise", [1, SIZE, SIZE, 7], 0.1);
  const filters = [weights("depthwise/w", [1, 3, 3, 7], 3), bias("depthwise/b", 7)];
  nodes.push(
    createNode(
      "depthwise",
      depthwiseConv2D,
      { ...window, activation: "relu" },
      [sum, ...filters],
      [depthwise],
    ),
  );
  const behind = conv("behind", depthwise, [5, 1, 1, 7], "relu");
  const last = output("last", [1, 4], 0.5);
  nodes.push(
    createNode(
      "last",
      fullyConnected,
      { activation: "none", keepDims: false },
      [behind, weights("last/w", [4, SIZE * SIZE * 5], 0), bias("last/b", 4)],
      [last],
    ),
  );
  return inferGraph({
    name: "small",
    values,
    nodes,
    inputs: [input],
    outputs: [last, sum],
    metadata: new Map(),
  });
}

export function smallInput(graph: Graph, seed = 3): TensorData {
  const random = randomSource(seed);
  const { format, shape } = graph.values[graph.inputs[0]!]!.type;
  const count = elementCount(shape);
  if (format === float32) return Float32Array.from({ length: count }, () => random() * 2 - 1);
  const codes = Array.from({ length: count }, () => Math.floor(random() * 256) + format.min);
  return format === uint8 ? Uint8Array.from(codes) : Int8Array.from(codes);
}

/** The value that a node writes. */
export function outputOf(graph: Graph, name: string): Value {
  return graph.values[nodeOf(graph, name).outputs[0]!]!;
}

export function nodeOf(graph: Graph, name: string): Node {
  return graph.nodes.find((node) => node.name === name)!;
}

/** The constant that a node reads as input i. */
export function constantOf(graph: Graph, name: string, i: number): Tensor {
  return graph.values[nodeOf(graph, name).inputs[i]!]!.constant!;
}
