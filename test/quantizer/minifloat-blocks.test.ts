/** Networks in OCP Microscaling formats: what becomes of a graph, its scales, and that it is exact. */
import { describe, expect, it } from "vitest";
import { InputError } from "../../src/errors.ts";
import { float32, float8_e8m0fnu } from "../../src/formats/index.ts";
import { createNode, type Graph } from "../../src/graph/index.ts";
import { loadGraph, type LoadOptions } from "../../src/model/index.ts";
import { requantize } from "../../src/model/load.ts";
import { applyRequantization } from "../../src/model/requantization.ts";
import { conv2D, depthwiseConv2D, layerValues, type Operator } from "../../src/operators/index.ts";
import {
  type BlockFormat,
  blockFormats,
  type BlockFormatName,
  blockScaleCode,
} from "../../src/quantization/index.ts";
import type { InputCorrelation } from "../../src/quantizer/balanced-rounding.ts";
import { rounderOf } from "../../src/quantizer/index.ts";
import { encodeWeights } from "../../src/quantizer/minifloat-weights.ts";
import { weightLayout } from "../../src/quantizer/weight-layout.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { floats } from "../kernels/minifloat-problem.ts";
import { referenceOutputs } from "../kernels/runner.ts";
import { constantOf, nodeOf, smallInput, smallNetwork } from "./network.ts";

const LAYERS = ["first", "branch3", "branch1", "depthwise", "behind", "last"];
const NAMES = [...blockFormats.keys()] as BlockFormatName[];

/** More than a block of channels between the layers. */
const network = (format?: typeof float32): Graph =>
  smallNetwork({ channels: 40, ...(format === undefined ? {} : { format }) });

async function outputsOf(graph: Graph, options: LoadOptions): Promise<unknown> {
  const model = await loadGraph(graph, { ...options, minPoolMacs: 0 });
  try {
    return Object.values(await model.run(smallInput(graph)));
  } finally {
    await model.dispose();
  }
}

describe.each(NAMES)("a network in %s", (name) => {
  it("has the bits of the references on every instruction set and thread count", async () => {
    const graph = applyRequantization(network(), { weights: name, activations: name });
    const expected = referenceOutputs(graph, [smallInput(graph)]);
    expect(await outputsOf(graph, { isa: "simd128", threads: 2 })).toEqual(expected);
    for (const threads of [1, 2, 4]) {
      expect(await outputsOf(graph, { isa: "relaxed", threads })).toEqual(expected);
    }
  });

  it("has weights in its elements, a scale for each 32 of a sum", () => {
    const graph = applyRequantization(network(), { weights: name });
    const { element } = blockFormats.get(name)!;
    for (const layer of LAYERS) {
      const { format, shape, quantization } = constantOf(graph, layer, 1).type;
      expect(format).toBe(element);
      const isDepthwise = layer === "depthwise";
      expect(quantization!.granularity).toBe(isDepthwise ? "perChannel" : "perBlock");
      expect(quantization!.axis).toBe(shape.length - 1);
      const scales = [...quantization!.scale];
      expect(scales.every((scale) => Number.isInteger(Math.log2(scale)))).toBe(true);
      const blocks = shape.toSpliced(-1, 1, Math.ceil(shape.at(-1)! / 32));
      expect(scales).toHaveLength(isDepthwise ? 7 : blocks.reduce((a, b) => a * b, 1));
    }
  });
});

describe("values in blocks", () => {
  const options = { weights: "mxfp4", activations: "mxfp8_e4m3" } as const;
  const roundings = (graph: Graph) =>
    graph.nodes.filter(({ operator }) => operator.name === "RoundBlocks");

  it("need no samples, and are rounded once for all layers that read them", () => {
    const graph = applyRequantization(network(float32), options);
    expect(roundings(graph).map(({ inputs }) => graph.values[inputs[0]!]!.name)).toEqual(
      ["first", "add", "depthwise", "behind"].map(
        (name) => graph.values[nodeOf(network(float32), name).outputs[0]!]!.name,
      ),
    );
    expect(roundings(graph).map(({ attributes }) => attributes)).toEqual(
      new Array(4).fill({ format: "mxfp8_e4m3" }),
    );
  });

  it("are computed from a float32 file as the references do it", async () => {
    const graph = applyRequantization(network(float32), options);
    const expected = referenceOutputs(graph, [smallInput(graph)]);
    expect(await outputsOf(graph, { threads: 2 })).toEqual(expected);
  });

  it("are those of the first layers where that is asked", () => {
    const graph = applyRequantization(network(), { ...options, inputs: "mxint8" });
    const [x] = nodeOf(graph, "first").inputs;
    expect(roundings(graph)[0]).toMatchObject({ attributes: { format: "mxint8" }, outputs: [x] });
    expect(roundings(graph)).toHaveLength(5);
  });

  it.each([
    { weights: "mxfp4", activations: "float8_e4m3fn" },
    { weights: "mxfp6_e2m3", activations: "float6_e2m3fn" },
    { weights: "float6_e2m3fn", activations: "mxfp6_e2m3" },
    { weights: "mxfp4", inputs: "mxfp4", keepFirstLast: true },
  ] as const)("stand beside other formats: %o", async (own) => {
    const graph = applyRequantization(network(), own);
    const expected = referenceOutputs(graph, [smallInput(graph)]);
    expect(await outputsOf(graph, { threads: 2 })).toEqual(expected);
  });

  it("come with biases that make up for the rounding of weights where there are samples", async () => {
    const source = network(float32);
    const graph = await requantize(source, { ...options, calibrate: [smallInput(source)] });
    for (const layer of LAYERS) {
      expect(constantOf(graph, layer, 2).data).not.toEqual(constantOf(source, layer, 2).data);
    }
  });

  it.each([
    [{ weights: "mxfp5" }, /weights/],
    [{ weights: "int4", activations: "mxfp4" }, /weights/],
    [{ weights: "mxfp4", activations: "uint4" }, /activations/],
    [{ weights: "mxfp4", groupSize: 32 }, /groupSize/],
    [
      { weights: "mxfp4", activations: "mxfp4", accumulate: { format: "fp16_e6m9", chunk: 8 } },
      /accumulate/,
    ],
  ] as const)("are refused in %o", (own, message) => {
    const apply = () => applyRequantization(network(), own as LoadOptions);
    expect(apply).toThrow(message);
    expect(apply).toThrow(InputError);
  });
});

describe("weights in blocks", () => {
  /** Nothing moves: each weight goes to its nearest number. */
  const APART: InputCorrelation = { within: 0, across: 0 };

  function encode(w: Tensor, name: BlockFormatName, correlation: InputCorrelation, axis = 0) {
    const block = blockFormats.get(name)!;
    const operator = (axis === 3 ? depthwiseConv2D : conv2D) as Operator;
    const node = createNode("layer", operator, {}, [], []);
    const x = { format: float32, shape: [1, 8, 8, w.type.shape.at(-1)!] };
    const layout = weightLayout(node, x, w.type);
    const format = block.element;
    const search = { format, round: rounderOf(format), powerOfTwo: false, block };
    return encodeWeights(w, layout, search, correlation);
  }

  /** The nearest numbers of runs of `depth` weights, each block with the better of two scales. */
  function leastBlocks(format: BlockFormat, given: Float32Array, depth: number): Float32Array {
    const values: number[] = [];
    for (let start = 0; start < given.length; start += Math.min(32, depth - (start % depth))) {
      const own = given.slice(start, start + Math.min(32, depth - (start % depth)));
      const candidates = [1, 2].map((factor) => scaled(format, own, factor));
      const [standard, twice] = candidates.map((rounded) =>
        rounded.reduce((sum, value, i) => sum + (value - own[i]!) ** 2, 0),
      );
      values.push(...candidates[twice! < standard! ? 1 : 0]!);
    }
    return Float32Array.from(values);
  }

  /** One block in `factor` times the standard's scale. */
  function scaled({ element, ...format }: BlockFormat, own: Float32Array, factor: number) {
    const largest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const code = blockScaleCode({ element, ...format }, largest);
    const scale = factor * float8_e8m0fnu.decode(code);
    return Array.from(own, (value) => element.decode(element.encode(value / scale, true)) * scale);
  }

  it.each(NAMES)("are blocks along the channels of a tap: %s", (name) => {
    const format = blockFormats.get(name)!;
    const w = floats([5, 3, 2, 70], 4);
    const { codes, values } = encode(w, name, APART);
    expect(values).toEqual(leastBlocks(format, w.data as Float32Array, 70));
    expect(layerValues(codes)).toEqual(values);
  });

  it("have twice the standard's scale where the largest of a block would saturate too much", () => {
    const w = floats([1, 1, 1, 64], 4);
    const data = (w.data as Float32Array).map((value, i) => (i % 32 === 0 ? 7.9 : value));
    data[32] = 7.1;
    const { codes, values } = encode({ type: w.type, data }, "mxfp4", APART);
    expect([...codes.type.quantization!.scale]).toEqual([2, 1]);
    expect([values[0], values[32]]).toEqual([8, 6]);
  });

  it("of the largest float32 numbers stay finite", () => {
    const w = floats([2, 1, 1, 33], 4);
    const data = (w.data as Float32Array).map((value) => value * 1.7e38);
    data[0] = 3.4e38;
    for (const name of NAMES) {
      const { values } = encode({ type: w.type, data }, name, APART);
      expect(values.every(Number.isFinite)).toBe(true);
    }
  });

  it("of a depthwise filter are its taps, or the taps of a row where they are more than 32", () => {
    const format = blockFormats.get("mxfp4")!;
    for (const [height, width] of [
      [3, 3],
      [4, 8],
      [7, 7],
    ] as const) {
      const w = floats([1, height, width, 6], 5);
      const { codes, values } = encode(w, "mxfp4", APART, 3);
      const run = height * width > 32 ? width : height * width;
      const given = w.data as Float32Array;
      for (let c = 0; c < 6; c++) {
        const own = given.filter((_, i) => i % 6 === c);
        expect(values.filter((_, i) => i % 6 === c)).toEqual(leastBlocks(format, own, run));
      }
      const { scale, granularity } = codes.type.quantization!;
      expect(granularity).toBe(run === width ? "perBlock" : "perChannel");
      expect(scale).toHaveLength((6 * height * width) / run);
      if (granularity === "perBlock") expect(layerValues(codes)).toEqual(values);
    }
  });

  it("are rounded together within a filter: the errors of all its blocks cancel", () => {
    const w = floats([4, 1, 1, 96], 6);
    // Blocks of very different size.
    const data = (w.data as Float32Array).map((value, i) => value * 2 ** (-2 * ((i % 96) >> 5)));
    const sums = (correlation: InputCorrelation) => {
      const { values } = encode({ type: w.type, data }, "mxfp4", correlation);
      return Float64Array.from({ length: 4 }, (_, c) => {
        let sum = 0;
        for (let k = c * 96; k < (c + 1) * 96; k++) sum += values[k]! - data[k]!;
        return Math.abs(sum);
      }).reduce((a, b) => a + b, 0);
    };
    expect(sums({ within: 0.5, across: 0.3 })).toBeLessThan(sums(APART) / 4);
  });
});
