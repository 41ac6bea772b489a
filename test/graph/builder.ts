/** Graphs for tests, value by value. */
import { int32, int8, uint8 } from "../../src/formats/index.ts";
import {
  createNode,
  type Graph,
  inferGraph,
  type Node,
  type Value,
  type ValueId,
} from "../../src/graph/index.ts";
import { conv2D, type Conv2DAttributes } from "../../src/operators/index.ts";
import { perChannel, perTensor } from "../../src/quantization/index.ts";
import type { Shape, TensorType } from "../../src/tensor/index.ts";
import { randomData, randomSource } from "../kernels/runner.ts";

export const SHAPE = [1, 16, 16, 2];

/** Grows a graph value by value. */
export class GraphBuilder {
  readonly values: Value[] = [];
  readonly nodes: Node[] = [];
  readonly inputs: ValueId[] = [];
  readonly format: typeof int8;
  readonly #random = randomSource(7);

  constructor(format = int8) {
    this.format = format;
  }

  type(scale: number, zeroPoint: number, shape: Shape = SHAPE): TensorType {
    const middle = this.format === uint8 ? 128 : 0;
    return { format: this.format, shape, quantization: perTensor(scale, middle + zeroPoint) };
  }

  input(scale = 0.05, shape: Shape = SHAPE): ValueId {
    this.inputs.push(
      this.push({ name: `x${this.values.length}`, type: this.type(scale, 3, shape) }),
    );
    return this.values.length - 1;
  }

  constant(scale: number, zeroPoint: number, codes: readonly number[], shape: Shape): ValueId {
    const data = this.format === uint8 ? Uint8Array.from(codes) : Int8Array.from(codes);
    const type = this.type(scale, zeroPoint, shape);
    return this.push({ name: `c${this.values.length}`, type, constant: { type, data } });
  }

  node(
    operator: Node["operator"],
    attributes: unknown,
    inputs: readonly ValueId[],
    type: TensorType,
  ): ValueId {
    const output = this.push({ name: `v${this.values.length}`, type });
    this.nodes.push(createNode(operator.name, operator, attributes as never, inputs, [output]));
    return output;
  }

  /** A node of several outputs. */
  nodeOfMany(
    operator: Node["operator"],
    attributes: unknown,
    inputs: readonly ValueId[],
    types: readonly TensorType[],
  ): ValueId[] {
    const outputs = types.map((type) => this.push({ name: `v${this.values.length}`, type }));
    this.nodes.push(createNode(operator.name, operator, attributes as never, inputs, outputs));
    return outputs;
  }

  graph(...outputs: ValueId[]): Graph {
    const { values, nodes, inputs } = this;
    return inferGraph({ name: "test", values, nodes, inputs, outputs, metadata: new Map() });
  }

  /** A Conv2D with random int8 weights per channel and a bias. */
  conv(
    x: ValueId,
    channels: number,
    [height, width]: readonly [number, number],
    y: TensorType,
    attributes: Partial<Conv2DAttributes> = {},
  ): ValueId {
    const depth = this.values[x]!.type.shape[3]!;
    const scales = Array.from({ length: channels }, (_, i) => 0.002 + 0.0001 * i);
    const w = { format: int8, shape: [channels, height, width, depth] };
    const quantization = perChannel(
      scales,
      scales.map(() => 0),
      0,
    );
    const weights = this.random({ ...w, quantization }, 0.5);
    const bias = this.random({ format: int32, shape: [channels] }, 1e-6);
    const window = { strides: [1, 1], dilations: [1, 1], padding: "same" } as const;
    const all = { ...window, activation: "none", ...attributes };
    return this.node(conv2D, all, [x, weights, bias], y);
  }

  /** A constant of random codes over a part of the format's range. */
  random(type: TensorType, part: number): ValueId {
    const data = randomData(type, this.#random) as Int8Array | Int32Array;
    data.forEach((code, i) => (data[i] = Math.trunc(code * part)));
    return this.push({ name: `c${this.values.length}`, type, constant: { type, data } });
  }

  private push(value: Value): ValueId {
    return this.values.push(value) - 1;
  }
}
