/** The pass that turns functions of one 8-bit code into a look-up, against the graph as it was. */
import { describe, expect, it } from "vitest";
import { float32, int8, uint8 } from "../../src/formats/index.ts";
import {
  createNode,
  fuseTables,
  type Graph,
  inferGraph,
  interpret,
} from "../../src/graph/index.ts";
import {
  add,
  cast,
  dequantize,
  logistic,
  maximum,
  mul,
  quantize,
  relu6,
  sqrt,
  sub,
  tanh,
} from "../../src/operators/index.ts";
import { createPlan } from "../../src/plan/index.ts";
import type { Rounding } from "../../src/quantization/index.ts";
import { sameShape, type TensorData, type TensorType } from "../../src/tensor/index.ts";
import { GraphBuilder } from "./builder.ts";

const ROUNDINGS: readonly Rounding[] = ["fp32", "tflite-reference"];
const NONE = { activation: "none" } as const;

function namesOf(graph: Graph): string[] {
  return graph.nodes.map(({ operator }) => operator.name);
}

/** Every code twice, or once and again up to the size. */
function codes(type: TensorType): TensorData {
  const size = type.shape.reduce((product, extent) => product * extent, 1);
  const data = type.format === uint8 ? new Uint8Array(size) : new Int8Array(size);
  return data.map((_, i) => type.format.decode(i & 255));
}

function expectSameOutputs(graph: Graph, fused: Graph, rounding: Rounding): void {
  const inputs = graph.inputs.map((id) => codes(graph.values[id]!.type));
  const expected = interpret(graph, inputs, rounding);
  const got = interpret(inferGraph(fused), inputs, rounding);
  for (const id of graph.outputs) {
    expect(got.get(id)!.data).toEqual(expected.get(id)!.data);
    expect(sameShape(got.get(id)!.type.shape, expected.get(id)!.type.shape)).toBe(true);
  }
}

describe.each([int8, uint8])("fusing functions of $name codes", (format) => {
  it("turns x · logistic(x) into one look-up with the same bytes", () => {
    const b = new GraphBuilder(format);
    const x = b.input();
    const gate = b.node(logistic, {}, [x], b.type(1 / 256, -128));
    const graph = b.graph(b.node(mul, NONE, [x, gate], b.type(0.04, -60)));
    for (const rounding of ROUNDINGS) {
      const fused = fuseTables(graph, rounding);
      expect(namesOf(fused)).toEqual(["TableLookup"]);
      expect(fused.nodes[0]!.inputs).toEqual([x]);
      expectSameOutputs(graph, fused, rounding);
    }
  });

  it("turns hard swish in four operators into one look-up with the same bytes", () => {
    const b = new GraphBuilder(format);
    const x = b.input();
    const three = b.constant(3 / 127, 0, [127 + (format === uint8 ? 128 : 0)], [1, 1, 1, 1]);
    const sixth = b.constant(1 / 600, 0, [100 + (format === uint8 ? 128 : 0)], []);
    const sum = b.node(add, NONE, [x, three], b.type(0.06, -10));
    const clamped = b.node(relu6, {}, [sum], b.type(6 / 255, -128));
    const product = b.node(mul, NONE, [clamped, x], b.type(0.2, -5));
    const graph = b.graph(b.node(mul, NONE, [sixth, product], b.type(0.04, -100)));
    for (const rounding of ROUNDINGS) {
      const fused = fuseTables(graph, rounding);
      expect(namesOf(fused)).toEqual(["TableLookup"]);
      expectSameOutputs(graph, fused, rounding);
    }
  });
});

describe("fusing functions of codes", () => {
  it("gives a plan of one look-up kernel", () => {
    const b = new GraphBuilder();
    const x = b.input();
    const gate = b.node(logistic, {}, [x], b.type(1 / 256, -128));
    const graph = b.graph(b.node(mul, NONE, [x, gate], b.type(0.04, -60)));
    const plan = createPlan(fuseTables(graph, "fp32"), {
      rounding: "fp32",
      machine: { isa: "simd128" },
    });
    expect(plan.steps.map((step) => step.kind === "kernel" && step.kernel)).toEqual([
      "lookup_8_lines",
    ]);
  });

  it("keeps an intermediate value that something else reads", () => {
    const b = new GraphBuilder();
    const x = b.input();
    const gate = b.node(logistic, {}, [x], b.type(1 / 256, -128));
    const product = b.node(mul, NONE, [x, gate], b.type(0.04, -60));
    const graph = b.graph(product, gate);
    const fused = fuseTables(graph, "fp32");
    expect(namesOf(fused)).toEqual(["Logistic", "TableLookup"]);
    expectSameOutputs(graph, fused, "fp32");
  });

  it("fuses an operand with itself", () => {
    const b = new GraphBuilder();
    const x = b.input();
    const graph = b.graph(b.node(mul, NONE, [x, x], b.type(0.3, -128)));
    const fused = fuseTables(graph, "fp32");
    expect(namesOf(fused)).toEqual(["TableLookup"]);
    expectSameOutputs(graph, fused, "fp32");
  });

  it("fuses a constant that is the same everywhere, whatever its shape", () => {
    const b = new GraphBuilder();
    const x = b.input();
    const same = b.constant(0.1, 0, [30, 30], [1, 1, 1, 2]);
    const graph = b.graph(b.node(add, NONE, [x, same], b.type(0.06, -10)));
    for (const rounding of ROUNDINGS) {
      const fused = fuseTables(graph, rounding);
      expect(namesOf(fused)).toEqual(["TableLookup"]);
      expectSameOutputs(graph, fused, rounding);
    }
  });

  it("leaves an operator with a look-up of its own alone, and constants that differ", () => {
    const b = new GraphBuilder();
    const x = b.input();
    const own = b.node(tanh, {}, [x], b.type(1 / 128, 0));
    const channels = b.constant(0.1, 0, [30, 31], [1, 1, 1, 2]);
    const graph = b.graph(own, b.node(add, NONE, [x, channels], b.type(0.06, -10)));
    expect(namesOf(fuseTables(graph, "fp32"))).toEqual(["Tanh", "Add"]);
  });

  it("goes through floats: cast, real arithmetic, quantize", () => {
    const b = new GraphBuilder(uint8);
    const x = b.input();
    const real = { format: float32, shape: [1, 16, 16, 2] };
    const cast8 = b.node(cast, {}, [x], real);
    const codes8 = b.node(quantize, {}, [cast8], { ...b.type(1, -128), format: uint8 });
    const root = b.node(sqrt, {}, [b.node(dequantize, {}, [codes8], real)], real);
    const graph = b.graph(b.node(quantize, {}, [root], b.type(0.07, -20)));
    for (const rounding of ROUNDINGS) {
      const fused = fuseTables(graph, rounding);
      expect(namesOf(fused)).toEqual(["TableLookup"]);
      expectSameOutputs(graph, fused, rounding);
    }
  });

  it("gives the code of a number that is none as quantize does", () => {
    const b = new GraphBuilder();
    const real = { format: float32, shape: [1, 16, 16, 2] };
    const negative = b.node(dequantize, {}, [b.input()], real);
    const root = b.node(sqrt, {}, [negative], real);
    const graph = b.graph(b.node(quantize, {}, [root], b.type(0.02, 0)), root);
    const fused = fuseTables(graph, "fp32");
    expect(namesOf(fused)).toEqual(["Dequantize", "Sqrt", "TableLookup"]);
    expectSameOutputs(graph, fused, "fp32");
  });

  it("leaves functions of two values alone, and fuses what leads to each", () => {
    const b = new GraphBuilder();
    const x = b.input();
    const y = b.input();
    const requantized = b.node(quantize, {}, [y], b.type(0.03, 0));
    const gate = b.node(tanh, {}, [requantized], b.type(1 / 128, 0));
    const graph = b.graph(b.node(sub, NONE, [x, gate], b.type(0.06, -10)));
    const fused = fuseTables(graph, "tflite-reference");
    expect(namesOf(fused)).toEqual(["TableLookup", "Sub"]);
    expectSameOutputs(graph, fused, "tflite-reference");
  });

  it("leaves operands that broadcast alone", () => {
    const b = new GraphBuilder();
    const x = b.input();
    const gate = b.node(logistic, {}, [x], b.type(1 / 256, -128));
    const channels = b.constant(0.01, 0, [1, 2], [2]);
    const scaled = b.node(mul, NONE, [gate, channels], b.type(0.001, 0));
    const one = b.input(0.05, [1, 1, 1, 2]);
    const small = b.node(logistic, {}, [one], b.type(1 / 256, -128));
    const graph = b.graph(scaled, b.node(mul, NONE, [one, small], b.type(0.05, 0)));
    const fused = fuseTables(graph, "fp32");
    expect(namesOf(fused)).toEqual(["Logistic", "Mul", "TableLookup"]);
    expectSameOutputs(graph, fused, "fp32");
  });

  it("leaves floats alone", () => {
    const type = { format: float32, shape: [4] };
    const graph = inferGraph({
      name: "floats",
      values: [
        { name: "x", type },
        { name: "gate", type },
        { name: "y", type },
      ],
      nodes: [
        createNode("gate", logistic, {}, [0], [1]),
        createNode("product", mul, NONE, [0, 1], [2]),
      ],
      inputs: [0],
      outputs: [2],
      metadata: new Map(),
    });
    expect(namesOf(fuseTables(graph, "fp32"))).toEqual(["Logistic", "Mul"]);
  });

  it("compares codes of one scale within a chain", () => {
    const b = new GraphBuilder();
    const x = b.input();
    const gate = b.node(quantize, {}, [x], b.type(0.05, 3));
    const graph = b.graph(b.node(maximum, {}, [x, gate], b.type(0.05, 3)));
    const fused = fuseTables(graph, "fp32");
    expect(namesOf(fused)).toEqual(["TableLookup"]);
    expectSameOutputs(graph, fused, "fp32");
  });
});
