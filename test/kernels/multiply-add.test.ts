/**
 * Products of float32 by multiply-adds: which plans take them, and how far the results may be from `reference()`,
 * which rounds products and sums apart.
 */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  float32,
  float4_e2m1fn,
  float6_e2m3fn,
  float8_e4m3fn,
  fp16_e6m9,
  type Minifloat,
} from "../../src/formats/index.ts";
import type { Graph } from "../../src/graph/index.ts";
import { load, type LoadOptions } from "../../src/index.ts";
import { conv2D, fullyConnected, transposeConv } from "../../src/operators/index.ts";
import { createPlan, loadLowerings, type Machine } from "../../src/plan/index.ts";
import { perBlock } from "../../src/quantization/index.ts";
import type { Tensor, TensorData } from "../../src/tensor/index.ts";
import { isMaddFused } from "../../src/wasm/index.ts";
import { codesOf, floats } from "./minifloat-problem.ts";
import { kernelsOf, nodeGraph, referenceOutputs, runGraph } from "./runner.ts";

const CONV = { strides: [1, 1], dilations: [1, 1], padding: "same", activation: "none" } as const;
const DENSE = { activation: "none", keepDims: false } as const;
const UP = {
  strides: [2, 2],
  padding: "same",
  activation: "none",
  outputShape: [1, 14, 18, 13],
} as const;
const Y = { format: float32, shape: [] };

interface Layer {
  readonly x: Tensor;
  readonly w: Tensor;
  readonly bias: Tensor;
  /** Products per output, at most. */
  readonly depth: number;
  readonly kernel: string;
  readonly graph: (w: Tensor, bias: Tensor) => Graph;
}

/** Conv2D, or FullyConnected where shapes have two extents. */
function layer(
  shapes: readonly [x: number[], w: number[]],
  kernel: string,
  weights?: Tensor,
): Layer {
  const x = floats(shapes[0], 1);
  const w = weights ?? floats(shapes[1], 2);
  const graph = (own: Tensor, bias: Tensor) =>
    shapes[0].length === 2
      ? nodeGraph(fullyConnected, DENSE as never, [x.type, own, bias], [Y])
      : nodeGraph(conv2D, CONV, [x.type, own, bias], [Y]);
  const depth = shapes[1].slice(1).reduce((a, b) => a * b);
  return { x, w, bias: floats([shapes[1][0]!], 3), depth, kernel, graph };
}

function upsampling(): Layer {
  const x = floats([1, 7, 9, 12], 1);
  const w = floats([13, 3, 3, 12], 2);
  const graph = (own: Tensor, bias: Tensor) =>
    nodeGraph(transposeConv, UP, [x.type, own, bias], [Y]);
  return {
    x,
    w,
    bias: floats([13], 3),
    depth: 9 * 12,
    kernel: "conv_f32_f32_6x8c1_relaxed",
    graph,
  };
}

const SHORT: readonly (readonly [string, Minifloat])[] = [
  ["m8", float8_e4m3fn],
  ["m6", float6_e2m3fn],
  ["m4", float4_e2m1fn],
  ["w32", fp16_e6m9],
];

const ROWS = "gemm_f32_f32_6x8c1_relaxed";
const WINDOWS = "conv_f32_f32_6x8c1_relaxed";

const LAYERS: readonly (readonly [string, Layer])[] = [
  [
    "1x1",
    layer(
      [
        [2, 9, 11, 24],
        [21, 1, 1, 24],
      ],
      ROWS,
    ),
  ],
  [
    "3x3",
    layer(
      [
        [1, 13, 7, 5],
        [40, 3, 3, 5],
      ],
      WINDOWS,
    ),
  ],
  [
    "3x3 of two groups",
    layer(
      [
        [1, 13, 7, 8],
        [18, 3, 3, 4],
      ],
      WINDOWS,
    ),
  ],
  [
    "rows",
    layer(
      [
        [25, 1536],
        [19, 1536],
      ],
      ROWS,
    ),
  ],
  [
    "deep rows",
    layer(
      [
        [25, 1537],
        [19, 1537],
      ],
      "gemm_f32_f32_4x8c1",
    ),
  ],
  [
    "one row",
    layer(
      [
        [1, 77],
        [19, 77],
      ],
      "gemm_f32_f32_5x8c1",
    ),
  ],
  ["upsampling", upsampling()],
  ...SHORT.map(([own, format]) => {
    const shape = [21, 3, 3, 8];
    const name = `conv_f32_${own}_6x8c1_relaxed`;
    return [own, layer([[1, 9, 7, 8], shape], name, codesOf(format, shape, 5))] as const;
  }),
  [
    "blocks",
    layer(
      [
        [25, 64],
        [21, 64],
      ],
      "gemm_f32_m4_6x8c1_relaxed",
      blocks(),
    ),
  ],
];

function blocks(): Tensor {
  const scales = Float32Array.from({ length: 42 }, (_, i) => 2 ** ((i % 5) - 2));
  return codesOf(float4_e2m1fn, [21, 64], 5, perBlock(scales, 1, 32));
}

/** What a sum of n products and further steps may be off, of the sum of magnitudes: Higham's gamma. */
function gamma(n: number): number {
  return (n * 2 ** -24) / (1 - n * 2 ** -24);
}

/** The weights as float32, or any tensor, less their signs. */
function magnitudes(tensor: Tensor): Tensor {
  const { format } = tensor.type;
  if (format === float32) return { ...tensor, data: (tensor.data as Float32Array).map(Math.abs) };
  return tensor;
}

/** How far each output may be from another order of roundings of the same sum. */
function tolerances({ x, w, bias, depth, graph }: Layer): Float64Array {
  const values = magnitudes(asFloats(w));
  const own = graph(values, magnitudes(bias));
  const [sums] = referenceOutputs(own, [magnitudes(x).data]);
  // The product, the sum, the scale and the bias, on both sides; and this sum itself is rounded.
  const off = 2 * gamma(depth + 3) * (1 + gamma(depth + 3));
  return Float64Array.from(sums as Float32Array, (sum) => sum * off);
}

/** What minifloat weights stand for. */
function asFloats(w: Tensor): Tensor {
  const { format, shape, quantization } = w.type;
  if (format === float32) return w;
  const own = format as Minifloat;
  const codes = codesIn(w);
  const perColumn = codes.length / shape[0]!;
  const data = Float32Array.from(codes, (code, i) => {
    const scales = quantization?.scale;
    const block = Math.floor(i / perColumn) * (perColumn / 32) + Math.floor((i % perColumn) / 32);
    return own.decode(code) * (scales?.[block] ?? 1);
  });
  return { type: { format: float32, shape }, data };
}

/** One code after another. */
function codesIn({ type: { format, shape }, data }: Tensor): number[] {
  const bytes = data as Uint8Array;
  const count = shape.reduce((a, b) => a * b);
  if (format.bits >= 8) return Array.from(data as Uint16Array);
  return Array.from({ length: count }, (_, i) => {
    const bit = i * format.bits;
    const pair = bytes[bit >> 3]! | ((bytes[(bit >> 3) + 1] ?? 0) << 8);
    return (pair >> (bit & 7)) & (2 ** format.bits - 1);
  });
}

const PLAIN: Machine = { isa: "simd128" };
const FUSED: Machine = { isa: "relaxed", dot: "usdot", isFused: true };

async function planned(graph: Graph, machine: Machine, deterministic?: boolean): Promise<string[]> {
  const lowerings = await loadLowerings(graph);
  const own = deterministic === undefined ? {} : { deterministic };
  return kernelsOf(createPlan(graph, { rounding: "fp32", machine, lowerings, ...own }));
}

describe.each(LAYERS.map(([name, own]) => ({ name, own })))("$name", ({ own }) => {
  const graph = own.graph(own.w, own.bias);
  const isFusing = own.kernel.endsWith("_relaxed");

  it("takes them where the caller allows it and the machine has them, and only there", async () => {
    const usual = await planned(graph, PLAIN);
    expect(await planned(graph, FUSED, false)).toContain(own.kernel);
    expect(usual.filter((name) => name.includes("_6x8c1_"))).toEqual([]);
    for (const [machine, deterministic] of [
      [FUSED, undefined],
      [FUSED, true],
      [PLAIN, false],
      [{ ...FUSED, isFused: false }, false],
      [{ ...FUSED, isPaired: true }, false],
    ] as const) {
      expect(await planned(graph, machine, deterministic)).toEqual(usual);
    }
  });

  it("is as near to the reference as float32 sums are, the same on every build and number of threads", async () => {
    const expected = referenceOutputs(graph, [own.x.data])[0] as Float32Array;
    const limits = tolerances(own);
    let first: TensorData | undefined;
    for (const build of ["release-relaxed", "debug-relaxed"] as const) {
      for (const workers of [0, 1, 3]) {
        const options = { build, workers, deterministic: false };
        const { plan, outputs } = await runGraph(graph, [own.x.data], options);
        if (isMaddFused()) expect(kernelsOf(plan)).toContain(own.kernel);
        const results = outputs[0] as Float32Array;
        const wrong = results.findIndex(
          (value, i) => !(Math.abs(value - expected[i]!) <= limits[i]!),
        );
        expect(wrong, `${results[wrong]} for ${expected[wrong]}`).toBe(-1);
        first ??= results;
        expect(results).toEqual(first);
      }
    }
    // Products are rounded once: some sums have other bits.
    expect(first).toHaveLength(expected.length);
    if (isFusing && isMaddFused()) expect(first).not.toEqual(expected);
    else expect(first).toEqual(expected);
  });
});

it("exact products of minifloats take them by default, but not where they round twice or are not paired", async () => {
  const w = codesOf(float8_e4m3fn, [21, 1, 1, 12], 5);
  const x = { format: float8_e4m3fn, shape: [1, 9, 7, 12] };
  const graph = nodeGraph(conv2D, CONV, [x, w], [Y]);
  const last = async (machine: Machine) => (await planned(graph, machine)).at(-1);
  expect(await last(FUSED)).toBe("gemm_f32_m8_6x8c1_relaxed");
  expect(await last({ isa: "relaxed" })).toBe("gemm_f32_m8_6x8c1_relaxed");
  expect(await last({ ...FUSED, isFused: false })).toBe("gemm_f32_m8_5x8c1");
  expect(await last({ ...FUSED, isPaired: true })).toBe("gemm_f32_m8_5x8c1");
  expect(await last(PLAIN)).toBe("gemm_f32_m8_5x8c1");
});

it("a network gives the same for every number of threads, and nearly what it gives by default", async () => {
  const file = fileURLToPath(new URL("../../models/digits_float.tflite", import.meta.url));
  const results = async (options: LoadOptions): Promise<Float32Array> => {
    const model = await load(file, { minPoolMacs: 0, ...options });
    const input = floats(model.inputs[0]!.shape, 7).data as Float32Array;
    const all = await model.run(input);
    const modules = model.plan.modules.filter((name) => name === "relaxed/float");
    const fuses = options.deterministic === false && options.isa !== "simd128" && isMaddFused();
    expect(modules).toHaveLength(fuses ? 1 : 0);
    await model.dispose();
    return Object.values(all)[0] as Float32Array;
  };
  const usual = await results({ threads: 1 });
  const fused = await results({ threads: 1, deterministic: false });
  for (const threads of [2, 4]) {
    expect(await results({ threads, deterministic: false })).toEqual(fused);
  }
  expect(await results({ threads: 2, deterministic: false, isa: "simd128" })).toEqual(usual);
  fused.forEach((value, i) => expect(Math.abs(value - usual[i]!)).toBeLessThan(1e-5));
});
