/**
 * An integer network in real numbers: the form that minifloats are made of. Codes become float32,
 * constants are dequantized; inputs and outputs keep their formats behind a Dequantize and in front of
 * a Quantize. Rescaling inside the network is left out: Quantize and Dequantize of the file are names
 * of one number there.
 */
import { float32 } from "../formats/index.ts";
import {
  ABSENT,
  createNode,
  type Graph,
  type Node,
  outputNamesOf,
  type Value,
  type ValueId,
} from "../graph/index.ts";
import {
  depthwiseConv2D,
  dequantize,
  type Operator,
  quantize,
  weightChannels,
} from "../operators/index.ts";
import { f32 } from "../quantization/index.ts";
import { elementCount, type Tensor, type TensorType, unpackCodes } from "../tensor/index.ts";
import { weightedLayers } from "./layers.ts";
import { dequantizedWeights } from "./real-weights.ts";

export interface FloatGraph {
  readonly graph: Graph;
  /** The largest magnitude that the file's quantization gives to a value, by id. */
  readonly ranges: ReadonlyMap<ValueId, number>;
}

/** @param graph a graph whose types are inferred; values of layers keep their ids */
export function floatGraph(graph: Graph): FloatGraph {
  if (!graph.values.some(({ type }) => isQuantized(type))) return { graph, ranges: new Map() };
  return new FloatWriter(graph).write();
}

/** Codes with a scale: activations, weights, biases. */
function isQuantized({ format, quantization }: TensorType): boolean {
  return format.kind !== "float" && quantization !== undefined;
}

class FloatWriter {
  readonly #graph: Graph;
  readonly #values: Value[];
  readonly #nodes: Node[] = [];
  readonly #ranges = new Map<ValueId, number>();
  /** The value that stands for another one. */
  readonly #real = new Map<ValueId, ValueId>();
  readonly #layers: ReadonlySet<Node>;

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#values = graph.values.map((value) => this.#floatValue(value));
    this.#layers = new Set(weightedLayers(graph));
  }

  write(): FloatGraph {
    const graph = this.#graph;
    graph.values.forEach(({ type }, id) => {
      if (isQuantized(type) && type.quantization!.scale.length === 1) {
        this.#ranges.set(id, largest(type));
      }
    });
    for (const id of graph.inputs) {
      if (isQuantized(graph.values[id]!.type)) this.#dequantizeInput(id);
    }
    for (const node of graph.nodes) this.#write(node);
    const outputs = graph.outputs.map((id) => this.#outputOf(id));
    const written = {
      ...graph,
      values: this.#values,
      nodes: this.#nodes,
      outputs,
      outputNames: outputNamesOf(graph),
    };
    return { graph: written, ranges: this.#ranges };
  }

  #write(node: Node): void {
    const inputs = node.inputs.map((id) => (id === ABSENT ? ABSENT : (this.#real.get(id) ?? id)));
    const isRenaming =
      node.operator === (quantize as Operator<never>) ||
      node.operator === (dequantize as Operator<never>);
    const from = this.#values[inputs[0]!]!;
    if (isRenaming && from.type.format === float32 && from.constant === undefined) {
      this.#real.set(node.outputs[0]!, inputs[0]!);
      // The narrower range is the one that the consumers know.
      const range = this.#ranges.get(node.outputs[0]!);
      if (range !== undefined) this.#ranges.set(inputs[0]!, range);
      return;
    }
    if (this.#layers.has(node)) this.#realConstants(node, inputs);
    this.#nodes.push({ ...node, inputs });
  }

  /** Weights and bias of a layer, whose scales follow from its operands. */
  #realConstants(node: Node, inputs: ValueId[]): void {
    const [x, w, bias] = node.inputs.map((id) => this.#graph.values[id]) as (Value | undefined)[];
    if (w?.constant === undefined || w.type.format.kind === "float") return;
    const isDepthwise = node.operator === (depthwiseConv2D as Operator<never>);
    const channels = w.type.shape[isDepthwise ? 3 : 0]!;
    const inner = isDepthwise ? 1 : elementCount(w.type.shape) / channels;
    inputs[1] = this.#constant(w, dequantizedWeights(w.constant, channels, inner));
    if (bias?.constant === undefined || bias.type.format.kind === "float") return;
    const inputScale = x!.type.quantization!.scale[0]!;
    const { scales } = weightChannels(w.type, channels);
    const biases = Float32Array.from(bias.constant.data as Int32Array, (code, c) =>
      f32(code * inputScale * scales[c % channels]!),
    );
    inputs[2] = this.#constant(bias, biases);
  }

  #constant({ name, type: { shape } }: Value, data: Float32Array): ValueId {
    const type = { format: float32, shape };
    return this.#values.push({ name, type, constant: { type, data } }) - 1;
  }

  #floatValue(value: Value): Value {
    const { type, constant } = value;
    if (!isQuantized(type)) return value;
    const real: TensorType = { format: float32, shape: type.shape };
    if (constant === undefined) return { ...value, type: real };
    const data = dequantized(constant);
    return data === undefined ? value : { ...value, type: real, constant: { type: real, data } };
  }

  #dequantizeInput(id: ValueId): void {
    const { name } = this.#graph.values[id]!;
    const real = this.#values.push({ ...this.#values[id]!, name: `${name}/float32` }) - 1;
    this.#values[id] = this.#graph.values[id]!;
    this.#ranges.set(real, this.#ranges.get(id)!);
    this.#real.set(id, real);
    this.#nodes.push(createNode(`${name}/float32`, dequantize, {}, [id], [real]));
  }

  #outputOf(id: ValueId): ValueId {
    const real = this.#real.get(id) ?? id;
    const value = this.#graph.values[id]!;
    if (!isQuantized(value.type) || value.constant !== undefined) return real;
    const output = this.#values.push({ name: value.name, type: value.type }) - 1;
    const name = `${value.name}/${value.type.format.name}`;
    this.#nodes.push(createNode(name, quantize, {}, [real], [output]));
    return output;
  }
}

function largest({ format, quantization }: TensorType): number {
  const scale = quantization!.scale[0]!;
  const zeroPoint = quantization!.zeroPoint[0]!;
  return Math.max(format.max - zeroPoint, zeroPoint - format.min) * scale;
}

/** Real values of a constant with one scale; those of weights come with their layer. */
function dequantized(constant: Tensor): Float32Array | undefined {
  const { format, quantization } = constant.type;
  if (quantization!.scale.length !== 1) return undefined;
  const scale = quantization!.scale[0]!;
  const zeroPoint = quantization!.zeroPoint[0]!;
  const codes = format.bits <= 8 ? unpackCodes(constant) : (constant.data as Int32Array);
  return Float32Array.from(codes, (code) => f32((code - zeroPoint) * scale));
}
