/** Values that are stored as what their readers round them to: networks of several nodes, as the reference. */
import { describe, expect, it } from "vitest";
import {
  float32,
  float4_e2m1fn,
  float6_e2m3fn,
  float8_e4m3fn,
  type Format,
  int8,
  type Minifloat,
  uint8,
} from "../../src/formats/index.ts";
import {
  createNode,
  type Graph,
  inferGraph,
  type Node,
  type Value,
} from "../../src/graph/index.ts";
import {
  type Activation,
  add,
  concatenation,
  conv2D,
  depthwiseConv2D,
  dequantize,
  encodeMinifloat,
  fullyConnected,
  maxPool2D,
  type Operator,
  pad,
  reshape,
} from "../../src/operators/index.ts";
import { perBlock, perChannel, perTensor } from "../../src/quantization/index.ts";
import { createPlan, loadLowerings } from "../../src/plan/index.ts";
import type { TensorType } from "../../src/tensor/index.ts";
import { relaxedDotClass } from "../../src/wasm/index.ts";
import { codesOf, expectEqual as compare, floats } from "./minifloat-problem.ts";

const hasDot = ["usdot", "sdot"].includes(relaxedDotClass());

/** Buffers of several nodes lie side by side. */
function expectEqual(graph: Graph, forced?: string): Promise<string[]> {
  return compare(graph, forced, false);
}

/** A graph that grows node by node; value 0 is its input, and an output. */
class Network {
  readonly values: Value[];
  readonly nodes: Node[] = [];
  readonly format: Minifloat;

  constructor(format: Minifloat, input: TensorType) {
    this.format = format;
    this.values = [{ name: "x", type: input }];
  }

  node<A>(
    operator: Operator<A>,
    attributes: A,
    inputs: number[],
    format: Format = float32,
  ): number {
    const type = { format, shape: [] };
    return this.push(operator, attributes, inputs, type);
  }

  encode(x: number, scale: number, format: Format = this.format): number {
    const type = { format, shape: [], quantization: perTensor(scale, 0) };
    return this.push(encodeMinifloat, { saturates: true }, [x], type);
  }

  conv(
    x: number,
    [extent, depth, channels]: readonly [number, number, number],
    activation: Activation = "none",
    bias = floats([channels], this.values.length, 0.7),
  ): number {
    const w = this.weights([channels, extent, extent, depth]);
    const b = this.values.push({ name: "b", type: bias.type, constant: bias }) - 1;
    const attributes = { strides: [1, 1], dilations: [1, 1], padding: "same", activation } as const;
    return this.node(conv2D, attributes, [x, w, b]);
  }

  weights(shape: readonly number[], axis = 0): number {
    const channels = shape[axis]!;
    const scales = Float32Array.from({ length: channels }, (_, c) => 0.004 * (1 + (c % 5) * 0.37));
    const own = perChannel(scales, new Int32Array(channels), axis);
    const w = codesOf(this.format, shape, this.values.length, own);
    return this.values.push({ name: "w", type: w.type, constant: w }) - 1;
  }

  push<A>(operator: Operator<A>, attributes: A, inputs: number[], type: TensorType): number {
    const y = this.values.push({ name: `y${this.values.length}`, type }) - 1;
    this.nodes.push(createNode(`n${y}`, operator, attributes, inputs, [y]));
    return y;
  }

  graph(...outputs: number[]): Graph {
    const { values, nodes } = this;
    const all = [...outputs, 0];
    return inferGraph({ name: "", values, nodes, inputs: [0], outputs: all, metadata: new Map() });
  }
}

const WHOLE = {
  filter: [6, 7],
  strides: [1, 1],
  padding: "valid",
  activation: "none",
} as const;
const POOL = { filter: [3, 3], strides: [2, 2], padding: "same", activation: "none" } as const;

/** Steps that round, on a machine with the relaxed dot. */
async function roundSteps(graph: Graph, isFused?: boolean): Promise<number> {
  const fused = isFused === undefined ? {} : { isFused };
  const machine = { isa: "relaxed", dot: "usdot", ...fused } as const;
  const lowerings = await loadLowerings(graph);
  const { steps } = createPlan(graph, { rounding: "fp32", machine, lowerings });
  return steps.filter((step) => step.kind === "kernel" && step.kernel.startsWith("round")).length;
}

/** Equal, and with as many steps that round as values from outside; kernels of the machine at hand. */
async function expectRounds(
  graph: Graph,
  rounds: number,
  withDot: readonly string[] = [],
): Promise<string[]> {
  const kernels = await expectEqual(graph);
  expect(kernels).not.toContain("reference");
  expect(await roundSteps(graph)).toBe(rounds);
  if (hasDot) expect(kernels).toEqual(expect.arrayContaining([...withDot]));
  return kernels;
}

const ACTIVATIONS: readonly Activation[] = ["none", "relu", "relu6", "relu_n1_to_1"];
const FORMATS = [float6_e2m3fn, float4_e2m1fn];

describe.each(FORMATS.map((format) => ({ format, name: format.name })))(
  "a value of $name between two layers",
  ({ format }) => {
    it.each(ACTIVATIONS)("is rounded as it is stored, behind %s", async (activation) => {
      for (const [scale, span] of [
        [0.19, 0.7],
        [0.031, 0.2],
        [2, 2],
      ] as const) {
        const net = new Network(format, { format: float32, shape: [1, 9, 11, 7] });
        const bias = floats([21], 4, span);
        const y = net.conv(net.encode(0, 0.3), [3, 7, 21], activation, bias);
        const z = net.conv(net.encode(y, scale), [1, 21, 9], "relu");
        await expectRounds(net.graph(z), 1);
      }
    });

    it("is pooled, joined in place and padded as units", async () => {
      const net = new Network(format, { format: float32, shape: [2, 13, 10, 6] });
      const x = net.encode(0, 0.3);
      const a = net.conv(x, [1, 6, 12], "relu");
      const b = net.conv(x, [3, 6, 13], "none");
      const pooled = net.node(maxPool2D, POOL, [net.node(concatenation, JOIN, [a, b])]);
      const border = {
        paddings: [
          [0, 0],
          [1, 2],
          [0, 1],
          [0, 0],
        ],
      } as const;
      const codes = net.encode(net.node(pad, border, [pooled]), 0.17);
      const y = net.conv(codes, [3, 25, 8]);
      const z = net.conv(codes, [1, 25, 5]);
      const kernels = await expectRounds(
        net.graph(y, z),
        1,
        ["max_pool_u8", "pad_runs"].slice(sdot()),
      );
      expect(kernels).not.toContain("copy_runs");
    });

    it("is joined from layers of all kinds, rounded as they are stored or by a step", async () => {
      for (const largest of [0.5, 3e38]) {
        const net = new Network(format, { format: float32, shape: [2, 8, 7, 6] });
        const x = net.encode(0, 0.3);
        const bias = floats([5], 4, 0.6);
        bias.data[1] = largest;
        const a = net.conv(x, [1, 6, 5], "relu", bias);
        const w = net.weights([1, 3, 3, 6], 3);
        const attributes = {
          strides: [1, 1],
          dilations: [1, 1],
          padding: "same",
          activation: "relu",
        } as const;
        const b = net.node(depthwiseConv2D, attributes, [x, w, -1]);
        const pool = { ...POOL, strides: [1, 1] } as const;
        const c = net.node(maxPool2D, pool, [net.conv(x, [3, 6, 9])]);
        const joined = net.node(concatenation, JOIN, [a, b, c]);
        const inner = net.node(concatenation, JOIN, [net.conv(x, [1, 6, 3]), joined]);
        const z = net.conv(net.encode(inner, 0.17), [1, 23, 8]);
        expect(await expectEqual(net.graph(z))).not.toContain("reference");
      }
    });

    it.each(ACTIVATIONS)("is made and read by Winograd, behind %s", async (activation) => {
      const kernel = `winograd_x8_m${format.bits}_4x8c2_relaxed`;
      for (const [batch, height, width, channels, columns] of [
        [1, 4, 4, 8, 8],
        [2, 9, 6, 16, 21],
        [1, 1, 13, 24, 3],
        [1, 30, 29, 40, 64],
      ] as const) {
        const net = new Network(format, { format: float32, shape: [batch, height, width, 6] });
        const y = net.conv(
          net.encode(0, 0.3),
          [3, 6, channels],
          "none",
          floats([channels], 4, 0.6),
        );
        const bias = floats([columns], 5, 0.7);
        const own = net.conv(net.encode(y, 0.19), [3, channels, columns], activation, bias);
        const beside = net.conv(net.encode(0, 0.3), [1, 6, 5], "relu", floats([5], 6, 0.6));
        const joined = net.node(concatenation, JOIN, [beside, own]);
        const z = net.conv(net.encode(joined, 0.31), [1, columns + 5, 6]);
        const kernels = await expectEqual(net.graph(z), kernel);
        if (hasDot) expect(kernels).toContain(kernel);
      }
    });

    it.each([
      { name: "3x3", filter: [3, 3], strides: [1, 1] },
      { name: "3x3 of stride 2", filter: [3, 3], strides: [2, 2] },
      { name: "5x5", filter: [5, 5], strides: [1, 1] },
      { name: "3x3, dilated", filter: [3, 3], strides: [1, 1], dilations: [2, 2] },
      { name: "3x1 of a row", filter: [3, 1], strides: [2, 1] },
    ] as const)("may be read and made by a depthwise layer: $name", async (window) => {
      for (const [channels, activation] of [
        [9, "relu6"],
        [16, "none"],
      ] as const) {
        const net = new Network(format, { format: float32, shape: [1, 11, 9, 5] });
        const y = net.conv(net.encode(0, 0.3), [1, 5, channels], "relu6");
        const { filter, strides } = window;
        const dilations = "dilations" in window ? window.dilations : ([1, 1] as const);
        const attributes = { strides, dilations, padding: "same", activation } as const;
        const w = net.weights([1, ...filter, channels], 3);
        const bias = floats([channels], 5, 0.6);
        const b = net.values.push({ name: "b", type: bias.type, constant: bias }) - 1;
        const z = net.node(depthwiseConv2D, attributes, [net.encode(y, 0.4), w, b]);
        const kernel = `depthwise_x8_w8_${window.name === "3x3" || window.name === "5x5" ? "2x" : ""}4x8c4_relaxed`;
        await expectRounds(net.graph(net.conv(net.encode(z, 0.1), [1, channels, 6])), 1, [kernel]);
      }
    });

    it("may be read by a depthwise layer whose results stay float32, or cannot be rounded", async () => {
      for (const [largest, scale, rounds] of [
        [0.5, undefined, 1],
        [0.5, 1e-9, 2],
      ] as const) {
        const net = new Network(format, { format: float32, shape: [1, 7, 6, 8] });
        const w = net.weights([1, 3, 3, 8], 3);
        const bias = floats([8], 5, 0.6);
        bias.data[2] = largest;
        const b = net.values.push({ name: "b", type: bias.type, constant: bias }) - 1;
        const once = [1, 1] as const;
        const attributes = {
          strides: once,
          dilations: once,
          padding: "same",
          activation: "relu",
        } as const;
        const y = net.node(depthwiseConv2D, attributes, [net.encode(0, 0.3), w, b]);
        const z = scale === undefined ? y : net.conv(net.encode(y, scale), [1, 8, 6]);
        await expectRounds(net.graph(z), rounds, ["depthwise_f32_f32_4x8"]);
      }
    });

    it("is rounded by a step where the multiply-add of the machine rounds twice", async () => {
      const net = new Network(format, { format: float32, shape: [1, 7, 6, 8] });
      const y = net.conv(net.encode(0, 0.3), [1, 8, 6], "relu");
      const graph = net.graph(net.conv(net.encode(y, 0.2), [1, 6, 9]));
      expect(await roundSteps(graph)).toBe(1);
      expect(await roundSteps(graph, false)).toBe(2);
    });

    it("may be one row of any depth", async () => {
      for (const depth of [1, 4, 7, 8, 12, 16, 64, 100]) {
        const net = new Network(format, { format: float32, shape: [1, depth] });
        const attributes = { activation: "none", keepDims: false } as const;
        const weights = (shape: number[]) => {
          const bias = floats([shape[0]!], depth, 0.3);
          const b = net.values.push({ name: "b", type: bias.type, constant: bias }) - 1;
          return [net.weights(shape), b];
        };
        const x = net.encode(0, 0.3);
        const y = net.node(fullyConnected, attributes, [x, ...weights([19, depth])]);
        const z = net.node(fullyConnected, attributes, [
          net.encode(y, 0.0217),
          ...weights([9, 19]),
        ]);
        await expectRounds(net.graph(z), 1);
      }
    });

    it("may be read by a fully connected layer, of one row and of several", async () => {
      for (const batch of [1, 7]) {
        const net = new Network(format, { format: float32, shape: [batch, 3, 3, 6] });
        const y = net.conv(net.encode(0, 0.3), [3, 6, 11], "relu");
        const flat = net.node(reshape, { shape: [batch, 99] } as never, [y]);
        const attributes = { activation: "relu", keepDims: false } as const;
        const hidden = net.node(fullyConnected, attributes, [
          net.encode(flat, 0.21),
          net.weights([18, 99]),
          -1,
        ]);
        const z = net.node(fullyConnected, attributes, [
          net.encode(hidden, 0.4),
          net.weights([5, 18]),
          -1,
        ]);
        await expectRounds(net.graph(z), 1);
      }
    });

    it.each(ACTIVATIONS)(
      "is a sum of two, rounded as it is added, behind %s",
      async (activation) => {
        for (const [channels, scale] of [
          [9, 0.19],
          [16, 0.031],
          [5, 2],
        ] as const) {
          const net = new Network(format, { format: float32, shape: [1, 9, 11, 7] });
          const x = net.encode(0, 0.3);
          const a = net.conv(x, [3, 7, channels]);
          const sum = net.node(add, { activation }, [a, net.conv(x, [1, 7, channels])]);
          const z = net.conv(net.encode(sum, scale), [1, channels, 9]);
          await expectRounds(net.graph(z), 1, ["add_f32_units_i8"]);
        }
      },
    );

    it("is stored beside a sum that others read in float32, and rounded by steps for a second scale", async () => {
      for (const [channels, height] of [
        [7, 9],
        [8, 64],
      ] as const) {
        const net = new Network(format, { format: float32, shape: [1, height, 11, channels] });
        const own = [1, channels, channels] as const;
        let y = net.conv(net.encode(0, 0.3), own);
        for (let i = 0; i < 3; i++) {
          const branch = net.conv(net.encode(y, 0.2 + i), own, "relu");
          y = net.node(add, { activation: "none" }, [y, branch]);
        }
        const a = net.conv(net.encode(y, 0.4), own);
        const b = net.conv(net.encode(y, 0.7), own);
        // The input, the first sum's first reader, and the second scale of the last sum.
        await expectRounds(net.graph(a, b), 3, ["add_f32_units_i8"]);
      }
    });

    it("goes to the even neighbour where it lies between two, and is the largest beyond that", async () => {
      const net = new Network(format, { format: float32, shape: [1, 31, 13, 1] });
      const x = net.encode(0, 0.25);
      const [a, b] = [10, 11].map((seed) => {
        const exact = perChannel(new Float32Array(6).fill(2 ** -7), new Int32Array(6), 0);
        const w = codesOf(format, [6, 1, 1, 1], seed, exact);
        const id = net.values.push({ name: "w", type: w.type, constant: w }) - 1;
        return net.node(conv2D, POINTWISE, [x, id, -1]);
      });
      const sum = net.node(add, { activation: "none" }, [a!, b!]);
      // Values are multiples of a quarter of the unit.
      const unit = 1 / format.smallest;
      const scale = (0.25 * 2 ** -7 * 4) / unit;
      const ends = [a!, sum].map((y) => net.conv(net.encode(y, scale), [1, 6, 9]));
      await expectRounds(net.graph(...ends), 2, [...["add_f32_units_i8", "round_units_f32_i8"]]);
    });

    it.each([int8, uint8])("comes from codes of the file by a table: $name", async (codes) => {
      const quantization = perTensor(0.013, codes === uint8 ? 117 : -9);
      const net = new Network(format, { format: codes, shape: [1, 6, 7, 3], quantization });
      const x = net.node(dequantize, {}, [0]);
      await expectRounds(net.graph(net.conv(net.encode(x, 0.11), [3, 3, 8])), 0, []);
    });
  },
);

const POINTWISE = {
  strides: [1, 1],
  dilations: [1, 1],
  padding: "same",
  activation: "none",
} as const;
const JOIN = { axis: 3, activation: "none" } as const;

/** The first of the kernels above that does not depend on the class of the dot. */
function sdot(): number {
  return relaxedDotClass() === "sdot" ? 1 : 0;
}

it("float32 results of FP8 layers are joined in place, but for those of depthwise layers", async () => {
  const net = new Network(float8_e4m3fn, { format: float32, shape: [2, 8, 7, 6] });
  const x = net.encode(0, 0.3);
  const joined = (y: number): number => net.node(concatenation, JOIN, [y, net.conv(x, [1, 6, 5])]);
  const attributes = {
    strides: [1, 1],
    dilations: [1, 1],
    padding: "same",
    activation: "relu",
  } as const;
  const w = net.weights([1, 3, 3, 6], 3);
  const b = net.node(depthwiseConv2D, attributes, [x, w, -1]);
  const inPlace = await expectRounds(net.graph(joined(net.conv(x, [3, 6, 9]))), 1);
  expect(inPlace).not.toContain("copy_runs");
  expect(await expectRounds(net.graph(joined(b)), 1)).toContain("copy_runs");
});

describe("a value stays float32", () => {
  const start = (): { net: Network; y: number } => {
    const net = new Network(float6_e2m3fn, { format: float32, shape: [1, 6, 7, 5] });
    return { net, y: net.conv(net.encode(0, 0.3), [3, 5, 9], "relu") };
  };

  it("where an output of the network needs it", async () => {
    const { net, y } = start();
    const z = net.conv(net.encode(y, 0.2), [1, 9, 4]);
    await expectRounds(net.graph(y, z), 2);
  });

  it("where its readers round it by different scales, or to different formats", async () => {
    const { net, y } = start();
    const a = net.conv(net.encode(y, 0.2), [1, 9, 4]);
    const b = net.conv(net.encode(y, 0.3), [1, 9, 4]);
    const c = net.conv(net.encode(y, 0.2, float8_e4m3fn), [1, 9, 4]);
    await expectRounds(net.graph(a, b, c), 4);
  });

  it("where another operator reads it, or one beside it cannot be rounded", async () => {
    const { net, y } = start();
    const other = net.conv(net.encode(0, 0.3), [1, 5, 9]);
    const sum = net.node(add, { activation: "relu" } as never, [y, other]);
    const joined = net.node(concatenation, JOIN, [other, sum]);
    await expectRounds(net.graph(net.conv(net.encode(joined, 0.2), [1, 18, 4])), 3);
  });

  it("in front of a step that rounds where no multiplier and bias give its steps", async () => {
    for (const [largest, scale] of [
      [3e38, 1e-3],
      [0, 0.25],
    ] as const) {
      const net = new Network(float6_e2m3fn, { format: float32, shape: [1, 6, 7, 5] });
      const bias = floats([9], 1, 0);
      bias.data[3] = largest;
      const y = net.conv(net.encode(0, 0.3), [3, 5, 9], "none", bias);
      await expectRounds(net.graph(net.conv(net.encode(y, scale), [1, 9, 4])), 2);
    }
  });

  it("that is looked at where weights have NaN, or scales in blocks that the sum does not show", async () => {
    const blocks = perBlock(new Float32Array(9).fill(2 ** 30), 3, 32);
    for (const w of [
      codesOf(float8_e4m3fn, [9, 1, 1, 9], 3, undefined, true),
      codesOf(float6_e2m3fn, [9, 1, 1, 9], 3, blocks),
    ]) {
      const net = new Network(float6_e2m3fn, { format: float32, shape: [1, 6, 7, 9] });
      const id = net.values.push({ name: "w", type: w.type, constant: w }) - 1;
      const y = net.node(conv2D, POINTWISE, [net.encode(0, 0.3), id, -1]);
      const sum = net.node(add, { activation: "none" }, [y, y]);
      const ends = [y, sum].map((own) => net.conv(net.encode(own, 0.2), [1, 9, 4]));
      const kernels = await expectEqual(net.graph(...ends));
      expect(kernels).not.toContain("round_units_f32_i8");
      expect(kernels).not.toContain("add_f32_units_i8");
    }
  });

  it("where it is a sum of values that are not known to be finite, or of two shapes", async () => {
    const net = new Network(float6_e2m3fn, { format: float32, shape: [1, 6, 7, 9] });
    const y = net.conv(net.encode(0, 0.3), [1, 9, 9]);
    const sums = [
      net.node(add, { activation: "none" }, [y, 0]),
      net.node(add, { activation: "none" }, [y, net.node(maxPool2D, WHOLE, [y])]),
    ];
    const ends = sums.map((sum) => net.conv(net.encode(sum, 0.2), [1, 9, 4]));
    expect(await expectRounds(net.graph(...ends), 3)).not.toContain("add_f32_units_i8");
  });

  it("where it may be NaN or infinite", async () => {
    for (const value of [NaN, Infinity, -Infinity]) {
      const net = new Network(float6_e2m3fn, { format: float32, shape: [1, 6, 7, 5] });
      const bias = floats([9], 1);
      bias.data[3] = value;
      const y = net.conv(net.encode(0, 0.3), [1, 5, 9], "none", bias);
      const pooled = net.node(maxPool2D, POOL, [y]);
      await expectRounds(net.graph(net.conv(net.encode(pooled, 0.2), [1, 9, 4])), 2);
    }
  });
});
