/** Rounding of weights by what they read, and what it leaves to the bias. */
import { describe, expect, it } from "vitest";
import { CancelledError, InputError } from "../../src/errors.ts";
import { float32, float8_e4m3fn } from "../../src/formats/index.ts";
import { createNode, type Graph, type Node } from "../../src/graph/index.ts";
import { loadGraph, type LoadOptions } from "../../src/model/index.ts";
import { requantize } from "../../src/model/load.ts";
import {
  conv2D,
  depthwiseConv2D,
  fullyConnected,
  type Operator,
} from "../../src/operators/index.ts";
import { biasChanges } from "../../src/quantizer/bias-correction.ts";
import { InputRows, rounderOf } from "../../src/quantizer/index.ts";
import { InputMoments } from "../../src/quantizer/input-moments.ts";
import { roundTogether } from "../../src/quantizer/joint-rounding.ts";
import { encodeWeights } from "../../src/quantizer/minifloat-weights.ts";
import { weightLayout } from "../../src/quantizer/weight-layout.ts";
import { elementCount, type Shape, type Tensor } from "../../src/tensor/index.ts";
import { randomSource, referenceOutputs } from "../kernels/runner.ts";
import { constantOf, nodeOf, smallInput, smallNetwork } from "./network.ts";

const window = { strides: [2, 1], dilations: [1, 2], padding: "same", activation: "none" } as const;

const LAYERS: readonly [string, Operator<never>, object, Shape, Shape][] = [
  ["a convolution", conv2D as Operator<never>, window, [2, 7, 6, 5], [4, 3, 3, 5]],
  ["groups", conv2D as Operator<never>, window, [1, 5, 5, 6], [4, 3, 2, 3]],
  [
    "explicit padding",
    conv2D as Operator<never>,
    { ...window, padding: { top: 2, bottom: 0, left: 1, right: 3 } },
    [1, 6, 6, 3],
    [2, 3, 3, 3],
  ],
  ["a multiplier", depthwiseConv2D as Operator<never>, window, [1, 6, 6, 3], [1, 3, 3, 6]],
  [
    "a matrix",
    fullyConnected as Operator<never>,
    { activation: "none", keepDims: false },
    [3, 8],
    [5, 8],
  ],
];

/** A layer with float32 operands, and what it computes by its reference. */
function layerOf(operator: Operator<never>, attributes: object, xs: Shape, ws: Shape) {
  const random = randomSource(5);
  const real = (shape: Shape, low: number): Tensor => ({
    type: { format: float32, shape },
    data: Float32Array.from({ length: elementCount(shape) }, () => low + random()),
  });
  const x = real(xs, 0);
  const w = real(ws, -0.6);
  const node: Node = createNode("layer", operator as Operator, attributes, [0, 1, 2], [3]);
  const layout = weightLayout(node, x.type, w.type);
  const bias = real([layout.channels], 0);
  const rows = new InputRows(node, x.type, w.type);
  rows.add(x.data as Float32Array);
  const compute = (weights: Tensor, own: Tensor): Float32Array => {
    const types = [x.type, weights.type, own.type];
    const layer = operator as Operator<unknown>;
    const outputs = layer.infer(types, attributes, [{ format: float32, shape: [] }], []);
    const [y] = layer.reference([x, weights, own], attributes, { rounding: "fp32", outputs });
    return y!.data as Float32Array;
  };
  return { w, bias, layout, rows, compute };
}

describe.each(LAYERS)("what the filters of a layer read: %s", (_, ...given) => {
  const { w, bias, layout, rows, compute } = layerOf(...given);
  const weights = w.data as Float32Array;

  it("is what its outputs are made of", () => {
    const outputs = compute(w, bias);
    expect(rows.rows.length * layout.channels).toBe(outputs.length);
    rows.rows.forEach((row, position) => {
      for (let c = 0; c < layout.channels; c++) {
        let sum = (bias.data as Float32Array)[c]!;
        const first = layout.groupOf(c) * layout.depth;
        for (let k = 0; k < layout.depth; k++) {
          sum += weights[layout.weightAt(c, k)]! * row[first + k]!;
        }
        expect(sum).toBeCloseTo(outputs[position * layout.channels + c]!, 4);
      }
    });
  });

  it("keeps the mean of every output channel in float8_e4m3fn", () => {
    const search = { format: float8_e4m3fn, round: rounderOf(float8_e4m3fn), powerOfTwo: false };
    const moments = new InputMoments(rows);
    const { values } = encodeWeights(w, layout, search, moments);
    const rounded: Tensor = { type: w.type, data: values };
    const changes = biasChanges(layout, weights, values, moments);
    const means = (own: Tensor, changed: Float64Array): number[] => {
      const data = (bias.data as Float32Array).map((value, c) => value + changed[c]!);
      const outputs = compute(own, { type: bias.type, data });
      const sums = new Array<number>(layout.channels).fill(0);
      outputs.forEach((value, i) => {
        sums[i % layout.channels]! += (value * layout.channels) / outputs.length;
      });
      return sums;
    };
    const none = new Float64Array(layout.channels);
    const expected = means(w, none);
    means(rounded, changes).forEach((mean, c) => expect(mean).toBeCloseTo(expected[c]!, 5));
    const uncorrected = means(rounded, none);
    expect(uncorrected.some((mean, c) => Math.abs(mean - expected[c]!) > 1e-4)).toBe(true);
  });
});

/** Rows whose elements vary together, as neighbours of an image do. */
function correlatedRows(depth: number, count: number): InputRows {
  const random = randomSource(depth);
  const node = createNode("layer", fullyConnected, { activation: "none", keepDims: false }, [], []);
  const x = { format: float32, shape: [count, depth] };
  const rows = new InputRows(node, x, { format: float32, shape: [1, depth] });
  const values = new Float32Array(count * depth);
  for (let row = 0; row < count; row++) {
    let last = 0;
    for (let k = 0; k < depth; k++) {
      last = 0.7 * last + random() - 0.3;
      values[row * depth + k] = Math.max(0, last);
    }
  }
  rows.add(values);
  return rows;
}

describe("joint rounding", () => {
  // Two more than a multiple of 4: some rows of a factor go alone.
  const depth = 42;
  const rows = correlatedRows(depth, 203);
  const [{ covariance, factor }] = new InputMoments(rows).blocksOf(0) as never as [
    { covariance: Float64Array; factor: Float64Array },
  ];
  const variance = (errors: Float64Array): number => {
    let sum = 0;
    errors.forEach((e, k) => errors.forEach((f, l) => (sum += e * f * covariance[k * depth + l]!)));
    return sum;
  };

  it("knows covariances, damped by a twentieth of the mean variance", () => {
    const n = rows.rows.length;
    const mean = (k: number): number => rows.rows.reduce((sum, row) => sum + row[k]! / n, 0);
    const covarianceOf = (k: number, l: number): number =>
      rows.rows.reduce((sum, row) => sum + ((row[k]! - mean(k)) * (row[l]! - mean(l))) / n, 0);
    let trace = 0;
    for (let k = 0; k < depth; k++) trace += covarianceOf(k, k);
    for (let k = 0; k < depth; k++) {
      for (let l = 0; l < depth; l++) {
        const damping = k === l ? (trace / depth) * 0.05 : 0;
        expect(covariance[k * depth + l]).toBeCloseTo(covarianceOf(k, l) + damping, 7);
        let product = 0;
        for (let i = 0; i < depth; i++) product += factor[i * depth + k]! * factor[i * depth + l]!;
        expect(product).toBeCloseTo(covariance[k * depth + l]!, 10);
      }
    }
  });

  it("leaves less than rounding to nearest, and no single change that helps", () => {
    const random = randomSource(11);
    const round = (value: number): number => Math.max(-8, Math.min(7, Math.round(value)));
    const blocks = new InputMoments(rows).blocksOf(0);
    let [nearest, joint] = [0, 0];
    for (let filter = 0; filter < 20; filter++) {
      const values = Float64Array.from({ length: depth }, () => (random() - 0.5) * 14);
      const rounded = roundTogether(values, round, blocks);
      const errors = rounded.map((value, k) => value - values[k]!);
      const least = variance(errors);
      expect(rounded).toEqual(rounded.map(round));
      nearest += variance(values.map((value) => round(value) - value));
      joint += least;
      for (let k = 0; k < depth; k++) {
        for (const step of [-1, 1]) {
          if (round(rounded[k]! + step) === rounded[k]) continue;
          expect(variance(errors.with(k, errors[k]! + step))).toBeGreaterThan(least - 1e-9);
        }
      }
    }
    expect(joint).toBeLessThan(0.8 * nearest);
  });

  it("is rounding to nearest where inputs never vary", () => {
    const constant = new InputRows(
      createNode("layer", fullyConnected, { activation: "none", keepDims: false }, [], []),
      { format: float32, shape: [3, 4] },
      { format: float32, shape: [1, 4] },
    );
    constant.add(Float32Array.from({ length: 12 }, (_, i) => (i % 4) * 0.1));
    const values = Float64Array.of(0.4, 1.6, -2.2, 3.4);
    const blocks = new InputMoments(constant).blocksOf(0);
    expect(roundTogether(values, Math.round, blocks)).toEqual(Float64Array.of(0, 2, -2, 3));
  });

  it("cuts filters that are too long", () => {
    const long = correlatedRows(500, 6);
    const blocks = new InputMoments(long).blocksOf(0);
    expect(blocks.map(({ from, to }) => [from, to])).toEqual([
      [0, 250],
      [250, 500],
    ]);
  });
});

describe("rows", () => {
  it("are 256 of a sample at most, spread over its positions", () => {
    const { rows } = correlatedRows(20, 1000);
    expect(rows.length).toBe(256);
    expect(new Set(rows.map(String)).size).toBe(256);
  });

  it("are fewer of filters that read much", () => {
    expect(correlatedRows(1000, 100).rows.length).toBe(66);
  });
});

describe("an integer network that is re-quantized with samples", () => {
  const samples = (graph: Graph) => [1, 2, 3, 4].map((seed) => smallInput(graph, seed));
  const requantized = async (options: LoadOptions, graph = smallNetwork()): Promise<Graph> =>
    requantize(graph, { ...options, calibrate: samples(graph), threads: 1 });

  it.each([
    { weights: "int4" },
    { weights: "int8", activations: "uint4" },
    { weights: "int2", activations: "uint4", keepFirstLast: false },
    { weights: "int4", groupSize: 4 },
    { weights: "binary" },
  ] as const)("has the bits of the references on every instruction set: %o", async (options) => {
    const graph = await requantized(options, smallNetwork({ channels: 12 }));
    const input = smallInput(graph, 9);
    const expected = referenceOutputs(graph, [input]);
    for (const isa of ["simd128", "relaxed"] as const) {
      const model = await loadGraph(graph, { isa, threads: 1 });
      try {
        expect(Object.values(await model.run(input))).toEqual(expected);
      } finally {
        await model.dispose();
      }
    }
  });

  it("is nearer to the file than without them", async () => {
    const graph = smallNetwork();
    const distance = (other: Graph): number => {
      let sum = 0;
      for (let seed = 20; seed < 30; seed++) {
        const input = smallInput(graph, seed);
        const [, y] = referenceOutputs(graph, [input]) as Int8Array[];
        const [, z] = referenceOutputs(other, [input]) as Int8Array[];
        y!.forEach((value, i) => (sum += (value - z![i]!) ** 2));
      }
      return sum;
    };
    const options = { weights: "int2" } as const;
    const without = await requantize(graph, options);
    expect(distance(await requantized(options))).toBeLessThan(0.8 * distance(without));
  });

  it("corrects biases where inputs alone are rounded", async () => {
    const graph = smallNetwork();
    const options = { weights: "int8", activations: "uint2" } as const;
    const [plain, corrected] = [await requantize(graph, options), await requantized(options)];
    expect(constantOf(corrected, "branch3", 1).data).toEqual(constantOf(plain, "branch3", 1).data);
    const biases = [plain, corrected].map((own) => constantOf(own, "branch3", 2).data);
    expect(biases[0]).not.toEqual(biases[1]);
  });

  it("has the range of least squared error for narrow activations", async () => {
    const [graph, options] = [smallNetwork(), { weights: "int8", activations: "uint4" } as const];
    const scaleOf = (own: Graph): number =>
      own.values[nodeOf(own, "branch3").inputs[0]!]!.type.quantization!.scale[0]!;
    const id = nodeOf(graph, "first").outputs[0]!;
    const probe = await loadGraph({ ...graph, outputs: [id], outputNames: ["x"] }, { threads: 1 });
    const values: number[] = [];
    for (const sample of samples(graph)) {
      const { x } = (await probe.run(sample)) as { x: Int8Array };
      values.push(...Array.from(x, (code) => (code + 128) * 0.05));
    }
    await probe.dispose();
    const errorOf = (scale: number): number =>
      values.reduce((sum, x) => sum + (x - Math.min(15, Math.round(x / scale)) * scale) ** 2, 0);
    const chosen = scaleOf(await requantized(options));
    expect(errorOf(chosen)).toBeLessThan(errorOf(scaleOf(await requantize(graph, options))));
    for (const multiplier of [15, 19, 26, 30, 45, 60, 75]) {
      expect(errorOf(chosen)).toBeLessThan(errorOf((0.05 * 256) / multiplier) * 1.001);
    }
  });

  it("keeps float32 beside weights on a grid", async () => {
    const graph = smallNetwork({ format: float32 });
    const own = await requantized({ weights: "int4" }, graph);
    expect(constantOf(own, "behind", 1).type.format).toBe(float32);
    expect(constantOf(own, "behind", 2).data).not.toEqual(constantOf(graph, "behind", 2).data);
    expect(constantOf(own, "first", 2).data).toEqual(constantOf(graph, "first", 2).data);
  });

  it.each([{ weights: "int4" }, { weights: "float6_e3m2fn" }] as const)(
    "says how far it is, and ends where it is asked to: %o",
    async (own) => {
      const steps: number[] = [];
      let total = 0;
      await requantized({
        ...own,
        onProgress: ({ stage, doneSteps, totalSteps }) => {
          expect(stage).toBe("calibrate");
          steps.push(doneSteps!);
          total = totalSteps!;
        },
      });
      expect(total).toBeGreaterThan(5);
      expect(steps).toEqual(Array.from({ length: total }, (_, i) => i + 1));
      for (const last of [2, total - 1]) {
        const abort = new AbortController();
        let done = 0;
        const calibrated = requantized({
          ...own,
          signal: abort.signal,
          onProgress: ({ doneSteps }) => {
            done = doneSteps!;
            // Not before other events have their turn.
            if (done === last) setImmediate(() => abort.abort());
          },
        });
        await expect(calibrated).rejects.toThrow(CancelledError);
        expect(done).toBeLessThan(last + 2);
      }
    },
  );

  it("needs a sample, and something to do", async () => {
    const graph = smallNetwork();
    await expect(requantize(graph, { weights: "int4", calibrate: [] })).rejects.toThrow(InputError);
    await expect(requantize(graph, { calibrate: samples(graph) })).rejects.toThrow(/weights/);
  });
});
