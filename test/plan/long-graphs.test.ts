/** Networks of tens of thousands of operators: a plan takes time in proportion, and no stack of their length. */
import { expect, it } from "vitest";
import { float32, float6_e2m3fn, int32, int8, uint4 } from "../../src/formats/index.ts";
import {
  createNode,
  type Graph,
  inferGraph,
  type Node,
  type Value,
} from "../../src/graph/index.ts";
import {
  add,
  encodeMinifloat,
  fullyConnected,
  type Operator,
  quantize,
  reshape,
} from "../../src/operators/index.ts";
import { createPlan, loadLowerings, type Machine } from "../../src/plan/index.ts";
import { perTensor } from "../../src/quantization/index.ts";
import { allocateTensor, type TensorType } from "../../src/tensor/index.ts";

const MAX_MS = 10_000;
const machine: Machine = { isa: "relaxed", dot: "usdot", isFused: true };
const DENSE = { activation: "none", weightsFormat: "default", keepDims: false } as const;
const row = { format: float32, shape: [1, 16] };

/** A graph that grows node by node; value 0 is its input. */
class Network {
  readonly values: Value[];
  readonly nodes: Node[] = [];

  constructor(input: TensorType) {
    this.values = [{ name: "x", type: input }];
  }

  node<A>(operator: Operator<A>, attributes: A, inputs: number[], type: TensorType): number {
    const y = this.values.push({ name: "", type }) - 1;
    this.nodes.push(createNode("", operator, attributes, inputs, [y]));
    return y;
  }

  add(x: number, y: number): number {
    return this.node(add, { activation: "none" }, [x, y], row);
  }

  constant(type: TensorType): number {
    return this.values.push({ name: "", type, constant: allocateTensor(type) }) - 1;
  }

  /** A layer in FP6 and the rounding of what it reads. */
  layer(x: number, w: number): number {
    const codes = { ...row, format: float6_e2m3fn, quantization: perTensor(0.5, 0) };
    return this.node(
      fullyConnected,
      DENSE,
      [this.node(encodeMinifloat, { saturates: true }, [x], codes), w],
      row,
    );
  }

  fp6Weights(): number {
    return this.constant({
      format: float6_e2m3fn,
      shape: [16, 16],
      quantization: perTensor(0.5, 0),
    });
  }

  /** Steps of its plan, which takes no time that grows with the square of its length. */
  async steps(...outputs: number[]): Promise<number> {
    const { values, nodes } = this;
    const graph: Graph = inferGraph({
      name: "",
      values,
      nodes,
      inputs: [0],
      outputs,
      metadata: new Map(),
    });
    const start = performance.now();
    const plan = createPlan(graph, {
      rounding: "fp32",
      machine,
      lowerings: await loadLowerings(graph),
    });
    expect(performance.now() - start).toBeLessThan(MAX_MS);
    return plan.steps.length;
  }
}

const COUNT = 30_000;

it("a chain of sums behind a layer", async () => {
  const network = new Network(row);
  const w = network.fp6Weights();
  const first = network.layer(0, w);
  let sum = first;
  for (let i = 0; i < COUNT; i++) sum = network.add(sum, first);
  expect(await network.steps(network.layer(sum, w))).toBeGreaterThan(COUNT);
});

it("a chain of shapes whose start cannot be stored rounded", async () => {
  const network = new Network(row);
  const w = network.fp6Weights();
  let x = 0;
  for (let i = 0; i < COUNT; i++) x = network.node(reshape, { shape: [1, 16] } as never, [x], row);
  expect(await network.steps(network.layer(x, w))).toBeLessThan(10);
});

it("a sum that is rounded in front of every layer", async () => {
  const network = new Network(row);
  const w = network.fp6Weights();
  const sum = network.add(0, 0);
  const results = Array.from({ length: COUNT / 2 }, () => network.layer(sum, w));
  expect(await network.steps(results.at(-1)!)).toBeGreaterThan(COUNT / 2);
});

it("a value below 8 bits that every layer reads", async () => {
  const network = new Network({ format: int8, shape: [1, 16], quantization: perTensor(0.5, 0) });
  const narrow = network.node(quantize, {} as never, [0], {
    format: uint4,
    shape: [1, 16],
    quantization: perTensor(1, 8),
  });
  const w = network.constant({ format: int8, shape: [16, 16], quantization: perTensor(0.5, 0) });
  const b = network.constant({ format: int32, shape: [16], quantization: perTensor(0.5, 0) });
  const y = { format: int8, shape: [1, 16], quantization: perTensor(0.5, 0) };
  const results = Array.from({ length: COUNT }, () =>
    network.node(fullyConnected, DENSE, [narrow, w, b], y),
  );
  expect(await network.steps(results.at(-1)!)).toBe(COUNT);
});

it("results that all live until the end", async () => {
  const network = new Network(row);
  const sums = Array.from({ length: COUNT / 3 }, () => network.add(0, 0));
  expect(await network.steps(...sums)).toBe(COUNT / 3);
});
