/**
 * int8 values that are stored as uint8: networks of two convolutions with every operator between them
 * that may read or write such values, against the interpreter; and where nothing may be stored so.
 */
import { describe, expect, it } from "vitest";
import { type Format, int32, int8, uint8 } from "../../src/formats/index.ts";
import {
  createNode,
  type Graph,
  inferGraph,
  type Node,
  type Value,
} from "../../src/graph/index.ts";
import {
  add,
  averagePool2D,
  concatenation,
  conv2D,
  depthToSpace,
  depthwiseConv2D,
  elu,
  expandDims,
  fullyConnected,
  gelu,
  hardSwish,
  leakyRelu,
  logistic,
  maxPool2D,
  mean,
  mul,
  pack,
  pad,
  quantize,
  relu,
  relu6,
  reluN1To1,
  reshape,
  slice,
  spaceToDepth,
  split,
  sqrt,
  squeeze,
  stridedSlice,
  sub,
  tableLookup,
  tanh,
  transpose,
  unpack,
} from "../../src/operators/index.ts";
import { createPlan, type Machine } from "../../src/plan/index.ts";
import { perChannel, perTensor } from "../../src/quantization/index.ts";
import { allocateTensor, type Shape, type TensorType } from "../../src/tensor/index.ts";
import { relaxedDotClass } from "../../src/wasm/index.ts";
import { randomData, randomSource, referenceOutputs, runGraph } from "../kernels/runner.ts";

const CHANNELS = 12;
const NONE = { activation: "none" } as const;
const SQUARE = {
  strides: [1, 1],
  dilations: [1, 1],
  padding: "same",
  activation: "relu6",
} as const;
const random = randomSource(11);

/** Grows a graph whose values all have the shape [1, 6, 6, CHANNELS] unless said. */
class Network {
  readonly values: Value[] = [];
  readonly nodes: Node[] = [];

  value(scale: number, zeroPoint: number, format: Format = int8, shape: Shape = []): number {
    const type = { format, shape, quantization: perTensor(scale, zeroPoint) };
    return this.values.push({ name: `v${this.values.length}`, type }) - 1;
  }

  constant(type: TensorType): number {
    const constant = { type, data: randomData(type, random) };
    return this.values.push({ name: `c${this.values.length}`, type, constant }) - 1;
  }

  node(operator: Node["operator"], attributes: unknown, inputs: number[], outputs: number[]): void {
    this.nodes.push(createNode(operator.name, operator, attributes as never, inputs, outputs));
  }

  /** A convolution or one of its kin, to a value of one scale. */
  product(
    operator: Node["operator"],
    attributes: unknown,
    x: number,
    shape: Shape,
    axis = 0,
  ): number {
    const channels = shape[axis]!;
    const scales = Array.from({ length: channels }, () => 0.002 + random() * 0.004);
    const quantization = perChannel(scales, new Int32Array(channels), axis);
    const w = this.constant({ format: int8, shape, quantization });
    const bias = allocateTensor({ format: int32, shape: [channels] });
    bias.data.forEach((_, i) => (bias.data[i] = Math.floor((random() - 0.5) * 4000)));
    const b = this.values.push({ name: "bias", type: bias.type, constant: bias }) - 1;
    const y = this.value(6 / 255, -128);
    this.node(operator, attributes, [x, w, b], [y]);
    return y;
  }

  conv(x: number, channels = CHANNELS): number {
    return this.product(conv2D, SQUARE, x, [CHANNELS, 1, 1, channels]);
  }

  graph(inputs: number[], outputs: number[]): Graph {
    const { values, nodes } = this;
    return inferGraph({ name: "test", values, nodes, inputs, outputs, metadata: new Map() });
  }
}

/** conv → what `between` makes of two values → conv. */
function sandwich(
  between: (network: Network, a: number, b: number) => number,
  channels = CHANNELS,
): Graph {
  const network = new Network();
  const x = network.value(0.03, 5, uint8, [1, 6, 6, CHANNELS]);
  const codes = network.value(0.03, -123);
  network.node(quantize, {}, [x], [codes]);
  const a = network.conv(codes);
  const b = network.conv(codes);
  const y = between(network, a, b);
  return network.graph([x], [network.conv(y, channels)]);
}

type Between = (network: Network, a: number, b: number) => number;

/** An operator of one input; the scale and zero point of its output, default: those of the input. */
function one(
  operator: Node["operator"],
  attributes: unknown,
  scale = 6 / 255,
  zero = -128,
): Between {
  return (network, a) => {
    const y = network.value(scale, zero);
    network.node(operator, attributes, [a], [y]);
    return y;
  };
}

function two(operator: Node["operator"], attributes: unknown, scale = 6 / 255): Between {
  return (network, a, b) => {
    const y = network.value(scale, -128);
    network.node(operator, attributes, [a, b], [y]);
    return y;
  };
}

const wholeSlice = { newAxisMask: 0, shrinkAxisMask: 0, ellipsisMask: 0, beginMask: 0, endMask: 0 };
const pool = { filter: [2, 2], strides: [1, 1], padding: "same", activation: "none" } as const;
const whole = { axes: [1, 2], keepDims: true };

const cases: readonly (readonly [string, Between, number?])[] = [
  ["nothing", (_, a) => a],
  ["a convolution", (network, a) => network.product(conv2D, SQUARE, a, [CHANNELS, 3, 3, CHANNELS])],
  [
    "a depthwise convolution",
    (network, a) => network.product(depthwiseConv2D, SQUARE, a, [1, 3, 3, CHANNELS], 3),
  ],
  [
    "a fully connected layer",
    (network, a) => {
      const rows = network.value(6 / 255, -128);
      network.node(reshape, { shape: [36, CHANNELS] }, [a], [rows]);
      const attributes = { activation: "none", keepDims: false };
      const y = network.product(fullyConnected, attributes, rows, [CHANNELS, CHANNELS]);
      const image = network.value(6 / 255, -128);
      network.node(reshape, { shape: [1, 6, 6, CHANNELS] }, [y], [image]);
      return image;
    },
  ],
  ["an addition", two(add, NONE, 12 / 255)],
  ["a subtraction", two(sub, { activation: "relu" })],
  ["a multiplication", two(mul, NONE, 36 / 255)],
  ["a concatenation", two(concatenation, { axis: 3, ...NONE }), 2 * CHANNELS],
  ["a maximum", one(maxPool2D, { ...pool, activation: "relu6" })],
  ["a mean", one(mean, whole, 3 / 255, -7)],
  ["a border", one(pad, { paddings: [[0, 0], [1, 1], [1, 0], [0, 0]] })], // prettier-ignore
  ["a transposition", one(transpose, { permutation: [0, 2, 1, 3] })],
  ["a slice", one(slice, { begin: [0, 1, 2, 0], size: [1, 3, -1, -1] })],
  [
    "a strided slice",
    one(stridedSlice, {
      ...wholeSlice,
      ...{ begin: [0, 0, 1, 0], end: [1, 6, 6, CHANNELS], strides: [1, 2, 2, 1] },
    }),
  ],
  ["space to depth and back", (network, a, b) =>
    one(depthToSpace, { blockSize: 2 })(network, one(spaceToDepth, { blockSize: 2 })(network, a, b), b)], // prettier-ignore
  [
    "a split",
    (network, a) => {
      const parts = [0, 1].map(() => network.value(6 / 255, -128));
      network.node(split, { axis: 2, parts: 2 }, [a], parts);
      return two(concatenation, { axis: 1, ...NONE })(network, parts[0]!, parts[1]!);
    },
  ],
  [
    "packing and unpacking",
    (network, a, b) => {
      const both = two(pack, { axis: 0 })(network, a, b);
      const parts = [0, 1].map(() => network.value(6 / 255, -128));
      network.node(unpack, { axis: 0, parts: 2 }, [both], parts);
      return parts[1]!;
    },
  ],
  [
    "an axis more and less",
    (network, a, b) =>
      one(squeeze, { axes: [0] })(network, one(expandDims, { axis: 0 })(network, a, b), b),
  ],
  ["relu", one(relu, {})],
  ["relu 6", one(relu6, {}, 7 / 255, -120)],
  ["relu n1 to 1", one(reluN1To1, {}, 2 / 255, 0)],
  ["leaky relu", one(leakyRelu, { alpha: 0.1 }, 7 / 255, -100)],
  ["elu", one(elu, {}, 7 / 255, -100)],
  ["gelu", one(gelu, { approximate: false }, 7 / 255, -100)],
  ["a square root", one(sqrt, {}, 3 / 255, -128)],
  ["a sigmoid", one(logistic, {}, 1 / 256, -128)],
  ["a hyperbolic tangent", one(tanh, {}, 1 / 128, 0)],
  ["hard swish", one(hardSwish, {}, 7 / 255, -100)],
  ["another scale", one(quantize, {}, 7 / 255, -100)],
  ["a table", one(tableLookup, { table: Uint8Array.from({ length: 256 }, (_, i) => 255 - i) })],
];

const PRODUCTS = new Set<Node["operator"]>([conv2D, depthwiseConv2D, fullyConnected]);

const usdot: Machine = { isa: "relaxed", dot: "usdot" };
const planOf = (graph: Graph, machine = usdot, rounding: "fp32" | "tflite-reference" = "fp32") =>
  createPlan(graph, { rounding, machine });

const rows = cases.map(([name, between, channels]) => ({ name, between, channels }));

describe.each(rows)("values around $name", ({ between, channels }) => {
  it("are stored flipped where a product reads them", () => {
    const graph = sandwich(between, channels);
    const { flipped, steps } = planOf(graph);
    const read = graph.nodes.flatMap(({ operator, inputs }) =>
      PRODUCTS.has(operator) ? [inputs[0]!] : [],
    );
    expect(read.filter((id) => !flipped.has(id))).toEqual([]);
    expect(steps.every((step) => step.kind === "kernel" && !step.kernel.includes("f8"))).toBe(true);
  });

  it.runIf(relaxedDotClass() === "usdot").each(["release-relaxed", "debug-relaxed"] as const)(
    "hold the same numbers (%s)",
    async (build) => {
      const graph = sandwich(between, channels);
      const inputs = [randomData(graph.values[graph.inputs[0]!]!.type, randomSource(3))];
      const { plan, outputs } = await runGraph(graph, inputs, {
        build,
        isNoted: false,
        isAlone: false,
      });
      expect(plan.flipped.size).toBeGreaterThan(0);
      expect(outputs).toEqual(referenceOutputs(graph, inputs));
    },
  );
});

describe("nothing is stored flipped", () => {
  it("where the dot reads signed bytes or is not exact, and under the other rule", () => {
    const graph = sandwich((_, a) => a);
    for (const dot of ["sdot", "saturating", "none"] as const) {
      expect(planOf(graph, { isa: "relaxed", dot }).flipped.size).toBe(0);
    }
    expect(planOf(graph, { isa: "simd128", dot: "usdot" }).flipped.size).toBe(0);
    expect(planOf(graph, usdot, "tflite-reference").flipped.size).toBe(0);
  });

  it("around an operator whose rounding depends on where zero lies", () => {
    const graph = sandwich(one(averagePool2D, pool));
    const { flipped } = planOf(graph);
    const [x, y] = graph.nodes
      .find(({ operator }) => operator === averagePool2D)!
      .inputs.concat(graph.nodes.find(({ operator }) => operator === averagePool2D)!.outputs);
    expect(flipped.has(x!) || flipped.has(y!)).toBe(false);
    expect(flipped.size).toBeGreaterThan(0);
  });

  it("in a network with a reference step that would meet such values", () => {
    const apart = { axes: [1, 3], keepDims: true };
    const graph = sandwich((network, a, b) => {
      const y = one(mean, apart)(network, a, b);
      const spread = network.value(6 / 255, -128);
      network.node(concatenation, { axis: 3, ...NONE }, Array<number>(CHANNELS).fill(y), [spread]);
      return spread;
    });
    const plan = planOf(graph);
    expect(plan.steps.some(({ kind }) => kind === "reference")).toBe(true);
    expect(plan.flipped.size).toBe(0);
  });
});
