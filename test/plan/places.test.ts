/** Values in the bytes of others: the same results as by `reference()`, with fewer copies and less memory. */
import { describe, expect, it } from "vitest";
import { int8, uint8 } from "../../src/formats/index.ts";
import type { Graph, ValueId } from "../../src/graph/index.ts";
import {
  add,
  averagePool2D,
  concatenation,
  depthwiseConv2D,
  maxPool2D,
  pack,
  relu6,
  split,
  tanh,
} from "../../src/operators/index.ts";
import { perChannel } from "../../src/quantization/index.ts";
import { expectReference } from "../kernels/against-reference.ts";
import { kernelsOf, randomData, randomSource, runGraph } from "../kernels/runner.ts";
import { GraphBuilder } from "../graph/builder.ts";

const NONE = { activation: "none" } as const;
const POOL = { filter: [3, 3], strides: [1, 1], padding: "same", activation: "none" } as const;

/** The kernels of the steps, after the results were found equal to the reference's. */
async function kernelsOfExact(graph: Graph): Promise<string[]> {
  for (const isa of ["plain", "relaxed"] as const) await expectReference(graph, { isa });
  const random = randomSource(3);
  const inputs = graph.inputs.map((id) => randomData(graph.values[id]!.type, random));
  const { plan } = await runGraph(graph, inputs);
  return kernelsOf(plan);
}

function isCopy(kernel: string): boolean {
  return /^(copy|map|transpose)_/.test(kernel);
}

describe("a concatenation of channels", () => {
  const joined = (build: (g: GraphBuilder, x: ValueId) => ValueId[], channels: number) => {
    const g = new GraphBuilder();
    const x = g.input(0.05, [1, 13, 11, 16]);
    const parts = build(g, x);
    const y = g.type(0.1, 5, [1, 13, 11, channels]);
    return g.graph(g.node(concatenation, { axis: -1, ...NONE }, parts, y));
  };

  it.each([
    ["1x1", [1, 1]],
    ["3x3", [3, 3]],
    ["5x2", [5, 2]],
  ] as const)("has its parts written in place by %s convolutions", async (_name, filter) => {
    const graph = joined((g, x) => {
      const y = (n: number) => g.type(0.1, 5, [1, 13, 11, n]);
      return [g.conv(x, 9, filter, y(9)), g.conv(x, 21, filter, y(21)), g.conv(x, 1, filter, y(1))];
    }, 31);
    const kernels = await kernelsOfExact(graph);
    expect(kernels).toHaveLength(3);
    expect(kernels.filter(isCopy)).toEqual([]);
  });

  it("has its parts written in place by Winograd, depthwise convolutions and poolings", async () => {
    const graph = joined((g, x) => {
      const y = (n: number) => g.type(0.1, 5, [1, 13, 11, n]);
      const scales = Array.from({ length: 16 }, () => 0.01);
      const quantization = perChannel(
        scales,
        scales.map(() => 0),
        3,
      );
      const w = g.random({ format: int8, shape: [1, 3, 3, 16], quantization }, 0.5);
      const window = { strides: [1, 1], dilations: [1, 1], padding: "same", ...NONE };
      const wide = g.conv(x, 64, [1, 1], g.type(0.1, 5, [1, 13, 11, 64]));
      return [
        g.conv(wide, 64, [3, 3], y(64)),
        g.node(depthwiseConv2D, { ...window, multiplier: 1 }, [x, w], y(16)),
        g.node(maxPool2D, POOL, [wide], y(64)),
        g.node(averagePool2D, POOL, [wide], y(64)),
      ];
    }, 208);
    const kernels = await kernelsOfExact(graph);
    expect(kernels).toContain("winograd_i8_i8_4x8c2");
    expect(kernels).toHaveLength(5);
    expect(kernels.filter(isCopy)).toEqual([]);
  });

  it("copies what others read as well, what comes twice, and what cannot have gaps", async () => {
    const g = new GraphBuilder();
    const x = g.input(0.05, [1, 13, 11, 16]);
    const y = g.type(0.1, 5, [1, 13, 11, 8]);
    const read = g.conv(x, 8, [1, 1], y);
    const twice = g.conv(x, 8, [1, 1], y);
    const dense = g.node(tanh, {}, [g.conv(x, 8, [1, 1], y)], g.type(1 / 128, 0, y.shape));
    const back = g.node(relu6, {}, [dense], y);
    const parts = [read, twice, twice, back];
    const all = g.node(concatenation, { axis: 3, ...NONE }, parts, g.type(0.1, 5, [1, 13, 11, 32]));
    const other = g.node(relu6, {}, [read], y);
    const kernels = await kernelsOfExact(g.graph(all, other));
    expect(kernels.filter(isCopy)).toHaveLength(4);
  });

  it("copies and converts uint8 parts of another scale", async () => {
    const g = new GraphBuilder(uint8);
    const x = g.input(0.05, [1, 7, 7, 16]);
    const pooled = (scale: number) =>
      g.node(maxPool2D, POOL, [g.input(scale, [1, 7, 7, 8])], g.type(scale, 3, [1, 7, 7, 8]));
    const parts = [pooled(0.05), pooled(0.031), x];
    const y = g.type(0.05, 3, [1, 7, 7, 32]);
    const kernels = await kernelsOfExact(
      g.graph(g.node(concatenation, { axis: 3, ...NONE }, parts, y)),
    );
    expect(kernels).toEqual(["max_pool_u8", "max_pool_u8", "map_bytes", "copy_runs"]);
  });

  it("may be a part of another one", async () => {
    const g = new GraphBuilder();
    const x = g.input(0.05, [1, 13, 11, 16]);
    const y = (n: number) => g.type(0.1, 5, [1, 13, 11, n]);
    const inner = [g.conv(x, 8, [1, 1], y(8)), g.conv(x, 8, [1, 1], y(8))];
    const first = g.node(concatenation, { axis: 3, ...NONE }, inner, y(16));
    const outer = [first, g.conv(x, 16, [3, 3], y(16))];
    const kernels = await kernelsOfExact(
      g.graph(g.node(concatenation, { axis: 3, ...NONE }, outer, y(32))),
    );
    expect(kernels.filter(isCopy)).toHaveLength(1);
  });
});

describe("tensors that are runs of others", () => {
  it("are written where a concatenation or a pack of rows has them, by any kernel", async () => {
    const g = new GraphBuilder();
    const y = g.type(1 / 128, 0, [8, 6]);
    const parts = [g.input(0.05, [8, 6]), g.input(0.04, [8, 6])].map((x) =>
      g.node(tanh, {}, [x], y),
    );
    const rows = g.node(concatenation, { axis: 0, ...NONE }, parts, g.type(1 / 128, 0, [16, 6]));
    const more = g.node(tanh, {}, [g.input(0.03, [16, 6])], g.type(1 / 128, 0, [16, 6]));
    const packed = { axis: 0, count: 2 };
    const graph = g.graph(g.node(pack, packed, [rows, more], g.type(1 / 128, 0, [2, 16, 6])));
    expect((await kernelsOfExact(graph)).filter(isCopy)).toEqual([]);
  });

  it("are read where a split has them", async () => {
    const g = new GraphBuilder();
    const x = g.node(tanh, {}, [g.input(0.05, [6, 64])], g.type(1 / 128, 0, [6, 64]));
    const part = g.type(1 / 128, 0, [3, 64]);
    const [first, second] = g.nodeOfMany(split, { axis: 0, parts: 2 }, [x], [part, part]);
    const sum = g.node(add, NONE, [first!, second!], g.type(1 / 64, 0, [3, 64]));
    expect((await kernelsOfExact(g.graph(sum))).filter(isCopy)).toEqual([]);
  });
});

describe("a sum", () => {
  const block = (reads: "once" | "twice") => {
    const g = new GraphBuilder();
    const shape = [1, 20, 20, 16];
    const y = g.type(0.1, 5, shape);
    const x = g.conv(g.input(0.05, shape), 16, [1, 1], y);
    const sum = g.node(add, NONE, [x, g.conv(x, 16, [1, 1], y)], g.type(0.2, 0, shape));
    return reads === "once" ? g.graph(sum) : g.graph(sum, g.conv(x, 16, [1, 1], y));
  };
  const placesOf = async (graph: Graph) => {
    await expectReference(graph);
    const { plan } = await runGraph(graph, [randomData(graph.values[0]!.type, randomSource(1))]);
    const buffers = [...plan.places].flatMap(([id, place]) =>
      place.space === "arena" ? [[id, place.buffer] as const] : [],
    );
    return new Map(buffers);
  };

  it("lies where the operand was that nothing reads any more", async () => {
    const graph = block("once");
    const places = await placesOf(graph);
    const { inputs, outputs } = graph.nodes.find(({ operator }) => operator.name === "Add")!;
    expect(inputs.map((id) => places.get(id))).toContain(places.get(outputs[0]!));
  });

  it("leaves an operand that is read later as it is", async () => {
    const graph = block("twice");
    const places = await placesOf(graph);
    const { inputs, outputs } = graph.nodes.find(({ operator }) => operator.name === "Add")!;
    expect(places.get(outputs[0]!)).not.toBe(places.get(inputs[0]!));
    expect(places.get(outputs[0]!)).toBe(places.get(inputs[1]!));
  });

  it("leaves the caller's inputs as they are", async () => {
    const g = new GraphBuilder();
    const graph = g.graph(g.node(tanh, {}, [g.input()], g.type(1 / 128, 0)));
    const places = await placesOf(graph);
    expect(places.get(graph.outputs[0]!)).not.toBe(places.get(graph.inputs[0]!));
  });
});
