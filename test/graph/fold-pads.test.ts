/** The pass that gives borders of zeros to the windows behind them, against the graph as it was. */
import { describe, expect, it } from "vitest";
import { int8, uint8 } from "../../src/formats/index.ts";
import { foldPads, type Graph, inferGraph, interpret } from "../../src/graph/index.ts";
import { averagePool2D, depthwiseConv2D, maxPool2D, pad } from "../../src/operators/index.ts";
import { perChannel } from "../../src/quantization/index.ts";
import { expectReference } from "../kernels/against-reference.ts";
import { randomData, randomSource } from "../kernels/runner.ts";
import { GraphBuilder } from "./builder.ts";

const NONE = { activation: "none" } as const;
const INPUT = [2, 9, 12, 4];
const BORDER = [
  [0, 0],
  [2, 1],
  [1, 2],
  [0, 0],
] as const;

/** A graph with a border in front of what `build` makes of the padded value. */
function padded(
  build: (g: GraphBuilder, x: number) => number,
  { format = int8, zeroPoint = 3, border = BORDER as readonly (readonly [number, number])[] } = {},
): Graph {
  const g = new GraphBuilder(format);
  const shape = INPUT.map((extent, i) => border[i]![0] + extent + border[i]![1]);
  g.inputs.push(g.values.push({ name: "x", type: g.type(0.05, zeroPoint, INPUT) }) - 1);
  const x = g.node(pad, { paddings: border }, [0], g.type(0.05, zeroPoint, shape));
  return g.graph(build(g, x));
}

/** The graph after the pass, its results found equal to those before. */
async function folded(graph: Graph): Promise<string[]> {
  const passed = inferGraph(foldPads(graph));
  const inputs = [randomData(graph.values[0]!.type, randomSource(5))];
  const [y] = graph.outputs as [number];
  for (const rounding of ["fp32", "tflite-reference"] as const) {
    const expected = interpret(graph, inputs, rounding).get(y)!;
    const got = interpret(passed, inputs, rounding).get(y)!;
    expect(got.type.shape).toEqual(expected.type.shape);
    expect(got.data).toEqual(expected.data);
  }
  const isFolded = passed.nodes.length === 1;
  for (const isa of isFolded ? (["plain", "relaxed"] as const) : []) {
    await expectReference(passed, { inputs, isa });
  }
  return passed.nodes.map(({ operator }) => operator.name);
}

describe.each([int8, uint8])("a border around $name codes", (format) => {
  it.each([
    ["VALID", { padding: "valid" }],
    ["SAME", { padding: "same" }],
    ["strides", { padding: "valid", strides: [2, 3] }],
    ["SAME with strides", { padding: "same", strides: [2, 2] }],
    ["dilations", { padding: "valid", dilations: [2, 1] }],
  ] as const)("is that of the convolution behind it: %s", async (_name, attributes) => {
    const graph = padded(
      (g, x) => g.conv(x, 5, [5, 5], g.type(0.1, 5, []), { activation: "relu", ...attributes }),
      { format },
    );
    expect(await folded(graph)).toEqual(["Conv2D"]);
  });

  it("is that of a depthwise convolution", async () => {
    const graph = padded(
      (g, x) => {
        const scales = [0.01, 0.02, 0.03, 0.04];
        const quantization = perChannel(scales, [0, 0, 0, 0], 3);
        const w = g.random({ format: int8, shape: [1, 3, 3, 4], quantization }, 0.5);
        const window = { strides: [1, 1], dilations: [1, 1], padding: "valid", ...NONE };
        return g.node(depthwiseConv2D, { ...window, multiplier: 1 }, [x, w], g.type(0.1, 5, []));
      },
      { format },
    );
    expect(await folded(graph)).toEqual(["DepthwiseConv2D"]);
  });

  it("is that of a largest value where 0 is the least code", async () => {
    const pooled = (g: GraphBuilder, x: number, zeroPoint: number) => {
      const window = { filter: [3, 3], strides: [2, 2], padding: "valid", ...NONE };
      return g.node(maxPool2D, window, [x], g.type(0.05, zeroPoint, []));
    };
    const least = padded((g, x) => pooled(g, x, -128), { format, zeroPoint: -128 });
    expect(await folded(least)).toEqual(["MaxPool2D"]);
    const another = padded((g, x) => pooled(g, x, -127), { format, zeroPoint: -127 });
    expect(await folded(another)).toEqual(["Pad", "MaxPool2D"]);
  });
});

describe("a border stays", () => {
  it("in front of an average, which counts it", async () => {
    const window = { filter: [3, 3], strides: [1, 1], padding: "valid", ...NONE };
    const graph = padded((g, x) => g.node(averagePool2D, window, [x], g.type(0.05, 3, [])));
    expect(await folded(graph)).toEqual(["Pad", "AveragePool2D"]);
  });

  it("where a window would lie in it alone", async () => {
    const graph = padded((g, x) => g.conv(x, 5, [2, 2], g.type(0.1, 5, []), { padding: "valid" }));
    expect(await folded(graph)).toEqual(["Pad", "Conv2D"]);
  });

  it("where it is one of channels or images", async () => {
    const border = [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 4],
    ] as const;
    const graph = padded((g, x) => g.conv(x, 5, [3, 3], g.type(0.1, 5, []), { padding: "valid" }), {
      border,
    });
    expect(await folded(graph)).toEqual(["Pad", "Conv2D"]);
  });

  it("for others that read it", async () => {
    const g = new GraphBuilder();
    const x = g.input(0.05, INPUT);
    const shape = INPUT.map((extent, i) => BORDER[i]![0] + extent + BORDER[i]![1]);
    const border = g.node(pad, { paddings: BORDER }, [x], g.type(0.05, 3, shape));
    const y = g.conv(border, 5, [3, 3], g.type(0.1, 5, []), { padding: "valid" });
    const names = foldPads(g.graph(y, border)).nodes.map(({ operator }) => operator.name);
    expect(names).toEqual(["Pad", "Conv2D"]);
    expect(await folded(g.graph(y, border))).toEqual(["Pad", "Conv2D"]);
  });
});
