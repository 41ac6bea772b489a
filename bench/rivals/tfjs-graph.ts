/**
 * A network built of TensorFlow.js operations from bitlane's graph of a TFLite file, constants
 * dequantized once: what its own graph executor would run, since no converter reads TFLite.
 */
import type { Graph } from "../../src/graph/index.ts";
import { importModel } from "../../src/importers/index.ts";
import type { Activation, Conv2DAttributes, Extent2D, Padding } from "../../src/operators/index.ts";
import { dequantizeTensor } from "./float/dequantize.ts";

export interface TfTensor {
  readonly shape: number[];
  data(): Promise<Float32Array>;
  dispose(): void;
}

type TfPadding = "same" | "valid" | [number, number][];
type TfActivation = "linear" | "relu" | "relu6";

interface FusedConv {
  x: TfTensor;
  filter: TfTensor;
  strides: Extent2D;
  dilations: Extent2D;
  pad: TfPadding;
  bias?: TfTensor;
  activation: TfActivation;
}

interface FusedMatMul {
  a: TfTensor;
  b: TfTensor;
  transposeB: boolean;
  bias?: TfTensor;
  activation: TfActivation;
}

/** The part of @tensorflow/tfjs-core that is used. */
export interface TensorFlow {
  env(): { set(flag: string, value: boolean): void };
  setBackend(name: string): Promise<boolean>;
  tidy(body: () => TfTensor): TfTensor;
  tensor(data: Float32Array, shape: readonly number[]): TfTensor;
  readonly fused: {
    conv2d(options: FusedConv): TfTensor;
    depthwiseConv2d(options: FusedConv): TfTensor;
    matMul(options: FusedMatMul): TfTensor;
  };
  add(a: TfTensor, b: TfTensor | number): TfTensor;
  mul(a: TfTensor, b: TfTensor | number): TfTensor;
  relu(x: TfTensor): TfTensor;
  relu6(x: TfTensor): TfTensor;
  sigmoid(x: TfTensor): TfTensor;
  softmax(x: TfTensor): TfTensor;
  avgPool(x: TfTensor, size: Extent2D, strides: Extent2D, pad: TfPadding): TfTensor;
  maxPool(x: TfTensor, size: Extent2D, strides: Extent2D, pad: TfPadding): TfTensor;
  mean(x: TfTensor, axes: readonly number[], keepDims: boolean): TfTensor;
  concat(parts: TfTensor[], axis: number): TfTensor;
  pad(x: TfTensor, paddings: readonly (readonly [number, number])[]): TfTensor;
  reshape(x: TfTensor, shape: readonly number[]): TfTensor;
  transpose(x: TfTensor, permutation: number[]): TfTensor;
}

/** Attributes of every operator used here, seen as one record. */
interface Attributes extends Conv2DAttributes {
  readonly filter: Extent2D;
  readonly axes: readonly number[];
  readonly axis: number;
  readonly keepDims: boolean;
  readonly paddings: readonly (readonly [number, number])[];
  readonly beta: number;
}

/** Inputs of a node, and the shape of its output. */
type Build = (
  tf: TensorFlow,
  inputs: TfTensor[],
  attributes: Attributes,
  shape: readonly number[],
) => TfTensor;

const BUILDERS: Readonly<Record<string, Build>> = {
  Conv2D: (tf, [x, filter, bias], attributes) =>
    tf.fused.conv2d(convolution(x!, filter!, bias, attributes)),
  DepthwiseConv2D: (tf, [x, filter, bias], attributes) =>
    tf.fused.depthwiseConv2d(convolution(x!, filter!, bias, attributes)),
  FullyConnected: (tf, [x, b, bias], { activation }, shape) => {
    const a = tf.reshape(x!, [-1, b!.shape[1]!]);
    const y = tf.fused.matMul({
      a,
      b: b!,
      transposeB: true,
      activation: fused(activation),
      ...(bias && { bias }),
    });
    return tf.reshape(y, shape);
  },
  Add: (tf, [a, b], { activation }) => apart(tf, tf.add(a!, b!), activation),
  Mul: (tf, [a, b], { activation }) => apart(tf, tf.mul(a!, b!), activation),
  AveragePool2D: (tf, [x], { filter, strides, padding }) =>
    tf.avgPool(x!, filter, strides, explicit(padding)),
  MaxPool2D: (tf, [x], { filter, strides, padding }) =>
    tf.maxPool(x!, filter, strides, explicit(padding)),
  Mean: (tf, [x], { axes, keepDims }) => tf.mean(x!, axes, keepDims),
  Concatenation: (tf, parts, { axis }) => tf.concat(parts, axis),
  Pad: (tf, [x], { paddings }) => tf.pad(x!, paddings),
  Reshape: (tf, [x], _, shape) => tf.reshape(x!, shape),
  Squeeze: (tf, [x], _, shape) => tf.reshape(x!, shape),
  Softmax: (tf, [x], { beta }) => tf.softmax(beta === 1 ? x! : tf.mul(x!, beta)),
  Logistic: (tf, [x]) => tf.sigmoid(x!),
  Relu: (tf, [x]) => tf.relu(x!),
  Relu6: (tf, [x]) => tf.relu6(x!),
  HardSwish: (tf, [x]) => tf.mul(x!, tf.mul(tf.relu6(tf.add(x!, 3)), 1 / 6)),
  Quantize: (_, [x]) => x!,
  Dequantize: (_, [x]) => x!,
};

/** @throws Error naming the operators that have no counterpart here */
export function buildNetwork(tf: TensorFlow, bytes: Uint8Array): (input: TfTensor) => TfTensor {
  const graph = importModel(bytes);
  const missing = graph.nodes
    .map(({ operator }) => operator.name)
    .filter((name) => !BUILDERS[name]);
  if (missing.length > 0) throw new Error(`no TensorFlow.js form of ${[...new Set(missing)]}`);
  const constants = buildConstants(tf, graph);
  return (input) => {
    const values = constants.slice();
    values[graph.inputs[0]!] = input;
    for (const { operator, attributes, inputs, outputs } of graph.nodes) {
      const given = inputs.map((id) => values[id]!);
      const { shape } = graph.values[outputs[0]!]!.type;
      values[outputs[0]!] = BUILDERS[operator.name]!(tf, given, attributes as Attributes, shape);
    }
    return values[graph.outputs[0]!]!;
  };
}

function buildConstants(tf: TensorFlow, graph: Graph): (TfTensor | undefined)[] {
  const constants = graph.values.map(({ constant }) =>
    constant === undefined ? undefined : tf.tensor(dequantizeTensor(constant), constant.type.shape),
  );
  for (const { operator, inputs } of graph.nodes) {
    const id = inputs[1]!;
    const w = constants[id];
    if (w === undefined) continue;
    // Filters: [O, H, W, C] → [H, W, C, O], and [1, H, W, C·m] → [H, W, C, m].
    if (operator.name === "Conv2D") constants[id] = tf.transpose(w, [1, 2, 3, 0]);
    if (operator.name === "DepthwiseConv2D") {
      const channels = graph.values[inputs[0]!]!.type.shape[3]!;
      const [, height, width, all] = w.shape as [number, number, number, number];
      constants[id] = tf.reshape(w, [height, width, channels, all / channels]);
    }
  }
  return constants;
}

function convolution(
  x: TfTensor,
  filter: TfTensor,
  bias: TfTensor | undefined,
  { strides, dilations, padding, activation }: Attributes,
): FusedConv {
  const shared = { x, filter, strides, dilations, pad: explicit(padding) };
  return { ...shared, activation: fused(activation), ...(bias && { bias }) };
}

function explicit(padding: Padding): TfPadding {
  if (typeof padding === "string") return padding;
  const { top, bottom, left, right } = padding;
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}

function fused(activation: Activation): TfActivation {
  if (activation === "none") return "linear";
  if (activation === "relu" || activation === "relu6") return activation;
  throw new Error(`no TensorFlow.js form of activation ${activation}`);
}

function apart(tf: TensorFlow, x: TfTensor, activation: Activation): TfTensor {
  const name = fused(activation);
  return name === "linear" ? x : tf[name](x);
}
