/** OCP Microscaling blocks: rounding of values, and layers with weights in blocks, equal to `reference()`. */
import { describe, expect, it } from "vitest";
import { QuantizationError } from "../../src/errors.ts";
import {
  float32,
  float4_e2m1fn,
  float8_e4m3fn,
  float8_e8m0fnu,
  type Minifloat,
} from "../../src/formats/index.ts";
import { createNode, type Graph, inferGraph, type Value } from "../../src/graph/index.ts";
import {
  conv2D,
  type Conv2DAttributes,
  depthwiseConv2D,
  fullyConnected,
  type Operator,
  roundBlocks,
} from "../../src/operators/index.ts";
import {
  type BlockFormat,
  blockFormats,
  type BlockFormatName,
  elementExponent,
  perBlock,
} from "../../src/quantization/index.ts";
import { elementCount } from "../../src/tensor/index.ts";
import { codesOf, expectEqual, floats } from "./minifloat-problem.ts";
import { kernelsOf, randomSource, referenceOutputs, runGraph, testBuilds } from "./runner.ts";

const formats = [...blockFormats.values()];

const BASE: Conv2DAttributes = {
  strides: [1, 1],
  dilations: [1, 1],
  padding: "same",
  activation: "relu",
};

interface Layer {
  readonly operator: Operator<never>;
  readonly attributes: object;
  readonly x: readonly number[];
  readonly w: readonly number[];
  /** Axis of the blocks. Default: the last one. */
  readonly axis?: number;
  readonly channels?: number;
}

interface Operands {
  readonly w: Minifloat;
  /** Of a block by its index; default: powers of two. */
  readonly scale?: (index: number) => number;
  /** What the values are rounded to in front of the layer. */
  readonly rounded?: BlockFormatName;
}

/** x float32 → RoundBlocks → one layer with weights in blocks of 32; or the layer alone. */
function layerGraph(layer: Layer, { w, scale, rounded }: Operands): Graph {
  const { axis = layer.w.length - 1, channels = layer.w[0]! } = layer;
  const random = randomSource(11);
  const scaleOf = scale ?? (() => 2 ** (Math.floor(random() * 9) - 8));
  const blocks = layer.w.toSpliced(axis, 1, Math.ceil(layer.w[axis]! / 32));
  const scales = Float32Array.from({ length: elementCount(blocks) }, (_, i) => scaleOf(i));
  const weights = codesOf(w, layer.w, 3, perBlock(scales, axis, 32));
  const bias = floats([channels], 5);
  const type = { format: float32, shape: layer.x };
  const values: Value[] = [
    { name: "x", type },
    { name: "rounded", type },
    { name: "w", type: weights.type, constant: weights },
    { name: "b", type: bias.type, constant: bias },
    { name: "y", type: { format: float32, shape: [] } },
  ];
  const rounding =
    rounded === undefined ? [] : [createNode("r", roundBlocks, { format: rounded }, [0], [1])];
  const from = rounded === undefined ? 0 : 1;
  const nodes = [
    ...rounding,
    createNode("l", layer.operator as Operator<object>, layer.attributes, [from, 2, 3], [4]),
  ];
  const outputs = rounded === undefined ? [4, 0] : [4, 1, 0];
  return inferGraph({ name: "", values, nodes, inputs: [0], outputs, metadata: new Map() });
}

function conv(
  x: readonly number[],
  w: readonly number[],
  attributes: Partial<Conv2DAttributes> = {},
): Layer {
  return { operator: conv2D, attributes: { ...BASE, ...attributes }, x, w };
}

const depthwise = (filter: readonly [number, number], channels: number): Layer => ({
  operator: depthwiseConv2D,
  attributes: { ...BASE, activation: "none" },
  ...{ x: [1, 9, 8, channels], w: [1, ...filter, channels], axis: 2, channels },
});

const matrix = (rows: number, columns: number, depth: number): Layer => ({
  operator: fullyConnected,
  attributes: { activation: "none", keepDims: false } as const,
  ...{ x: [rows, depth], w: [columns, depth] },
});

/** One block to the next, tails of every kind: depths around 32 and odd ones. */
const LAYERS: Readonly<Record<string, Layer>> = {
  "1x1, 9 columns of depth 7": conv([1, 5, 6, 7], [9, 1, 1, 7]),
  "1x1, 16 columns of depth 64": conv([2, 5, 9, 64], [16, 1, 1, 64]),
  "1x1, 8 columns of depth 33": conv([1, 7, 3, 33], [8, 1, 1, 33]),
  "3x3 of depth 3, stride 2": conv([1, 9, 8, 3], [8, 3, 3, 3], { strides: [2, 2] }),
  "3x3 of depth 40": conv([1, 8, 9, 40], [11, 3, 3, 40]),
  "3x3 of depth 31, dilated": conv([1, 9, 9, 31], [17, 3, 3, 31], { dilations: [2, 2] }),
  // Opened in two parts, which meet in a block.
  "3x3 of depth 70": conv([1, 4, 5, 70], [9, 3, 3, 70]),
  "two groups of 36": conv([1, 5, 5, 72], [10, 2, 2, 36]),
  "depthwise 7x7": depthwise([7, 7], 5),
  "depthwise 1x35": depthwise([1, 35], 6),
  "a row of depth 65": matrix(1, 9, 65),
  "6 rows of depth 96": matrix(6, 16, 96),
};

describe.each(formats)("layers with weights in $name", ({ name, element }) => {
  it.each(Object.keys(LAYERS))("give the bits of the reference: %s", async (layer) => {
    const graph = layerGraph(LAYERS[layer]!, { w: element, rounded: name });
    const kernels = await expectEqual(graph);
    expect(kernels).not.toContain("reference");
    expect(kernels).toContain("round_blocks_f32");
    // Weights of depthwise layers are decoded at load, all others stay packed.
    const packed = kernels.some((kernel) => kernel.includes(`_f32_m${element.bits}_`));
    expect(packed).toBe(LAYERS[layer]!.operator !== depthwiseConv2D);
  });
});

describe("weights in blocks", () => {
  const layer = conv([1, 6, 7, 40], [9, 3, 3, 40]);

  it.each(formats)("on values in float32: $name", async ({ element }) => {
    expect(await expectEqual(layerGraph(layer, { w: element }))).not.toContain("reference");
  });

  it.each(formats)("with the smallest and the largest scales: $name", async (format) => {
    // Elements times scales are subnormal here, and the largest float32 numbers there.
    const ends = [2 ** -127, 2 ** -126, 2 ** (127 - elementExponent(format)), 1];
    const graph = layerGraph(layer, { w: format.element, scale: (i) => ends[i % 4]! });
    expect(await expectEqual(graph)).not.toContain("reference");
  });

  it("with scales that are no powers of two", async () => {
    const graph = layerGraph(layer, { w: float4_e2m1fn, scale: (i) => 0.01 * (1 + (i % 13)) });
    expect((await expectEqual(graph)).join()).toContain("_f32_w32_");
  });

  it("in several tiles, with threads", async () => {
    const graph = layerGraph(conv([1, 24, 25, 40], [40, 3, 3, 40]), {
      ...{ w: float4_e2m1fn, rounded: "mxfp8_e4m3" },
    });
    const { plan } = await runGraph(graph, [floats(graph.values[0]!.type.shape, 1).data]);
    const tiles = plan.steps.map((step) => (step.kind === "kernel" ? step.tiles : 0));
    expect(Math.min(...tiles)).toBeGreaterThan(1);
    await expectEqual(graph);
  });

  it("are refused along another axis, or with another number of scales", () => {
    const other = { ...layer, axis: 1 };
    expect(() => layerGraph(other, { w: float8_e4m3fn })).toThrow(QuantizationError);
    const graph = layerGraph(layer, { w: float8_e4m3fn });
    const values = graph.values.map((value) => {
      const { quantization } = value.type;
      if (quantization === undefined) return value;
      const fewer = perBlock(quantization.scale.slice(1), 3, 32);
      const type = { ...value.type, quantization: fewer };
      return { ...value, type, constant: { ...value.constant!, type } };
    });
    expect(() => inferGraph({ ...graph, values })).toThrow("162 weight scales along axis 3");
  });

  it("are refused in an emulated accumulator", () => {
    const draws = { seed: 1, layer: 0, step: 0, stream: 0 };
    const accumulate = { accumulator: "fp16_e6m9", chunk: 8, rounding: "nearest", draws } as const;
    const own = { ...layer, attributes: { ...layer.attributes, accumulate } };
    expect(() => layerGraph(own, { w: float8_e4m3fn })).toThrow("to accumulate");
  });
});

/** Values that meet every branch of the rounding of a format in blocks. */
function specialValues(format: BlockFormat, depth: number): Float32Array {
  const { element } = format;
  const random = randomSource(depth);
  // The ends of the scales whose blocks are rounded without a product with 1 / scale.
  const ends = [-80, -79, 81, 82].map((exponent) => exponent + elementExponent(format));
  const rows: number[][] = [];
  const row = (value: (k: number) => number) =>
    rows.push(Array.from({ length: depth }, (_, k) => Math.fround(value(k))));
  // Ties and neighbours of ties, the largest number just below and above its end.
  for (const exponent of [-140, -127, -126, -3, 0, 1, 127, ...ends]) {
    const scale = 2 ** exponent;
    row((k) => (k % 2 === 0 ? 1 : -1) * ((k + 1) / 2) * element.smallest * scale);
    row((k) => (k === depth - 1 ? 1 : random() * 2 - 1) * 1.9999 * scale);
    row((k) => (2 - 2 ** -23) * scale * 2 ** -k);
  }
  row(() => 0);
  row(() => -0);
  row((k) => (k === 0 ? -0 : 2 ** -149));
  row((k) => (k === depth - 1 ? NaN : 1));
  row((k) => (k === 0 ? Infinity : -1));
  row((k) => (k === 0 ? -Infinity : NaN));
  row((k) => (random() - 0.5) * 2 ** Math.floor(60 * random()) * (k % 3));
  return Float32Array.from(rows.flat());
}

describe.each(formats)("values in blocks of $name", (format) => {
  it.each([1, 3, 4, 31, 32, 33, 70])("are those of the reference in rows of %i", async (depth) => {
    const x = specialValues(format, depth);
    const rows = x.length / depth;
    const layer = matrix(rows, 4, depth);
    const graph = layerGraph(layer, { w: float4_e2m1fn, rounded: format.name });
    const only = { ...graph, outputs: [1] };
    const [expected] = referenceOutputs(only, [x]);
    for (const build of testBuilds) {
      const { plan, outputs } = await runGraph(only, [x], { build });
      expect(kernelsOf(plan)).toContain("round_blocks_f32");
      const wrong = (outputs[0] as Float32Array).findIndex((v, i) => !Object.is(v, expected![i]));
      expect(wrong, `${build}: ${x[wrong]} gives ${outputs[0]![wrong]}`).toBe(-1);
    }
  });

  it("are numbers of the format times the scale of their block", () => {
    const depth = 32;
    const x = floats([8, depth], 6, 1000).data as Float32Array;
    const graph = layerGraph(matrix(8, 4, depth), { w: float4_e2m1fn, rounded: format.name });
    const [y] = referenceOutputs({ ...graph, outputs: [1] }, [x]) as [Float32Array];
    for (let block = 0; block < 8; block++) {
      const own = x.subarray(block * depth, (block + 1) * depth);
      const largest = own.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const scale = 2 ** (Math.floor(Math.log2(largest)) - elementExponent(format));
      expect(float8_e8m0fnu.decode(float8_e8m0fnu.encode(scale))).toBe(scale);
      own.forEach((value, k) => {
        const expected = format.element.decode(format.element.encode(value / scale, true)) * scale;
        expect(y[block * depth + k]).toBe(expected);
      });
    }
  });
});
