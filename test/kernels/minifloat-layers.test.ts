/** Layers with minifloat weights equal to `reference()`, on every build, with and without threads. */
import { describe, expect, it } from "vitest";
import {
  bfloat16,
  findFormat,
  float32,
  float4_e2m1fn,
  float6_e2m3fn,
  float6_e3m2fn,
  float8_e4m3b11fnuz,
  float8_e4m3fn,
  float8_e5m2,
  float8_e5m2fnuz,
  type Format,
  fp16_e6m9,
  hfp8_e4m3,
  isMinifloat,
  type Minifloat,
} from "../../src/formats/index.ts";
import { createNode, type Graph, inferGraph, type Value } from "../../src/graph/index.ts";
import {
  type AccumulateAttributes,
  conv2D,
  type Conv2DAttributes,
  depthwiseConv2D,
  encodeMinifloat,
  fullyConnected,
  type Operator,
} from "../../src/operators/index.ts";
import { perChannel, perTensor } from "../../src/quantization/index.ts";
import { packBits, type TensorType } from "../../src/tensor/index.ts";
import { isMaddFused, relaxedDotClass } from "../../src/wasm/index.ts";
import { codesOf, expectEqual, floats } from "./minifloat-problem.ts";
import { kernelsOf, referenceOutputs, runGraph, testBuilds } from "./runner.ts";

/** Images of exact formats: −127 … 127. */
const integer8 = findFormat("minifloat_e1m6b0") as Minifloat;

const BASE: Conv2DAttributes = {
  strides: [1, 1],
  dilations: [1, 1],
  padding: "same",
  activation: "none",
};

interface Layer<A> {
  readonly operator: Operator<A>;
  readonly attributes: A;
  readonly x: readonly number[];
  readonly w: readonly number[];
  /** Axis of the weight scales. */
  readonly axis?: number;
  readonly bias?: boolean;
}

interface Formats {
  readonly x: Format;
  readonly w: Minifloat;
  /** An EncodeMinifloat in front, whose readers are this many layers; 0: codes as graph input. */
  readonly readers?: number;
}

/** x float32 → EncodeMinifloat → one or two layers; or the layer alone. */
function layerGraph<A>(layer: Layer<A>, { x, w, readers = 1 }: Formats): Graph {
  const { operator, attributes, axis = 0, bias = true } = layer;
  const channels = layer.w[axis]!;
  const scales = Float32Array.from({ length: channels }, (_, c) => 0.01 * (1 + (c % 7)));
  const quantization = perChannel(scales, new Int32Array(channels), axis);
  const weights = codesOf(w, layer.w, 3, quantization);
  const codes: TensorType = { format: x, shape: layer.x, quantization: perTensor(0.3, 0) };
  const isEncoded = isMinifloat(x) && readers > 0;
  const input: TensorType =
    isMinifloat(x) && !isEncoded ? codes : { format: float32, shape: layer.x };
  const values: Value[] = [
    { name: "x", type: input },
    { name: "codes", type: codes },
    { name: "w", type: weights.type, constant: weights },
  ];
  const biasTensor = floats([channels], 5);
  const biasId = bias
    ? values.push({ name: "b", type: biasTensor.type, constant: biasTensor }) - 1
    : -1;
  const nodes = isEncoded ? [createNode("e", encodeMinifloat, { saturates: true }, [0], [1])] : [];
  const outputs = Array.from({ length: Math.max(readers, 1) }, (_, i) => {
    const y = values.push({ name: `y${i}`, type: { format: float32, shape: [] } }) - 1;
    nodes.push(createNode(`l${i}`, operator, attributes, [isEncoded ? 1 : 0, 2, biasId], [y]));
    return y;
  });
  // The input is kept: nothing else may lie behind an output, where the runner looks.
  outputs.push(0);
  return inferGraph({ name: "", values, nodes, inputs: [0], outputs, metadata: new Map() });
}

function conv(
  x: readonly number[],
  w: readonly number[],
  attributes: Partial<Conv2DAttributes> = {},
): Layer<Conv2DAttributes> {
  return { operator: conv2D, attributes: { ...BASE, ...attributes }, x, w };
}

const LAYERS: Readonly<Record<string, Layer<Conv2DAttributes>>> = {
  "1x1, 9 columns of depth 7": conv([1, 5, 6, 7], [9, 1, 1, 7], { activation: "relu" }),
  "1x1, 16 columns of depth 32": conv([2, 7, 9, 32], [16, 1, 1, 32], { activation: "relu6" }),
  "3x3 with a border": conv([1, 8, 9, 4], [11, 3, 3, 4]),
  "3x3 of odd depth, stride 2": conv([1, 9, 8, 3], [8, 3, 3, 3], { strides: [2, 2] }),
  "3x3, dilated": conv([1, 9, 9, 8], [17, 3, 3, 8], {
    dilations: [2, 2],
    activation: "relu_n1_to_1",
  }),
  "two groups": conv([1, 6, 6, 8], [10, 3, 3, 4]),
  "a window as large as the image": conv([3, 4, 4, 5], [6, 4, 4, 5], { padding: "valid" }),
};

const PAIRS: readonly (readonly [Format, Minifloat])[] = [
  [float8_e4m3fn, float8_e4m3fn],
  [float8_e5m2, float8_e4m3b11fnuz],
  [hfp8_e4m3, hfp8_e4m3],
  [float32, float8_e4m3fn],
  [float32, float6_e3m2fn],
  [float32, float4_e2m1fn],
  [float6_e2m3fn, float6_e2m3fn],
  [float4_e2m1fn, float4_e2m1fn],
  [float6_e2m3fn, float4_e2m1fn],
  [float6_e3m2fn, float6_e3m2fn],
  [float6_e3m2fn, float4_e2m1fn],
  [float4_e2m1fn, float6_e3m2fn],
  [bfloat16, fp16_e6m9],
];

describe.each(PAIRS.map(([x, w]) => ({ x, w, name: `${x.name} x ${w.name}` })))(
  "Conv2D of $name",
  ({ x, w }) => {
    it.each(Object.keys(LAYERS))("gives the bits of the reference: %s", async (name) => {
      const kernels = await expectEqual(layerGraph(LAYERS[name]!, { x, w }));
      expect(kernels).not.toContain("reference");
      expect(kernels).not.toContain("encode_f32_m8");
    });
  },
);

describe("the operations of a layer", () => {
  const layer = conv([1, 10, 11, 8], [12, 3, 3, 8]);

  it.each([
    ...["conv_f32_m8_5x8c1", "conv_f32_w32_5x8c1", "conv_f32_m6_5x8c1", "conv_f32_m4_5x8c1"],
    ...["conv_i8_m6_4x8c2", "igemm_i8_m6_4x8c2", "conv_i8_m4_4x8c2", "igemm_i8_m4_4x8c2"],
    ...["conv_i16_m6_4x8c2", "igemm_i16_m6_4x8c2", "conv_i16_m4_4x8c2", "igemm_i16_m4_4x8c2"],
  ])("give the same when %s is taken", async (kernel) => {
    const [, operand, own] = kernel.split("_");
    const w = {
      m8: float8_e4m3fn,
      m6: operand === "i16" ? float6_e3m2fn : float6_e2m3fn,
      m4: float4_e2m1fn,
      w32: fp16_e6m9,
    }[own!]!;
    const x = { f32: float32, i8: float6_e2m3fn, i16: float6_e3m2fn }[operand!]!;
    expect(await expectEqual(layerGraph(layer, { x, w }), kernel)).toContain(kernel);
  });

  it.skipIf(!isMaddFused())("add exact products by one instruction", async () => {
    const shallow = conv([1, 9, 7, 12], [21, 1, 1, 12], { activation: "relu" });
    const grouped = conv([1, 6, 6, 8], [18, 3, 3, 4]);
    const weights = { m8: float8_e4m3fn, m6: float6_e2m3fn, m4: float4_e2m1fn, w32: fp16_e6m9 };
    for (const [own, w] of Object.entries(weights)) {
      for (const [operation, problem] of [
        ["gemm", shallow],
        ["conv", layer],
        ["conv", grouped],
      ] as const) {
        const kernels = await expectEqual(layerGraph(problem, { x: float8_e5m2, w }));
        expect(kernels).toContain(`${operation}_f32_${own}_6x8c1_relaxed`);
        expect(kernels).toContain(`${operation}_f32_${own}_5x8c1`);
      }
    }
  });

  it("add products that are rounded by two", async () => {
    for (const x of [float32, bfloat16]) {
      const kernels = await expectEqual(layerGraph(layer, { x, w: fp16_e6m9 }));
      expect(kernels).toContain("conv_f32_w32_5x8c1");
      expect(kernels).not.toContain("conv_f32_w32_6x8c1_relaxed");
    }
  });

  const hasDot = ["usdot", "sdot"].includes(relaxedDotClass());

  it("are those of the relaxed dot where the machine has it", async () => {
    const kernels = await expectEqual(layerGraph(layer, { x: float6_e2m3fn, w: float6_e2m3fn }));
    expect(kernels.includes("conv_x8_m6_6x8c4_relaxed")).toBe(hasDot);
  });

  it.skipIf(!hasDot).each(["m6", "m4", "w8"])(
    "give the same on the relaxed dot with weights as %s",
    async (own) => {
      const w = own === "m6" ? float6_e2m3fn : float4_e2m1fn;
      const shallow = conv([1, 9, 7, 12], [21, 1, 1, 12], { activation: "relu" });
      const grouped = conv([1, 6, 6, 8], [18, 3, 3, 4]);
      for (const [operation, problem] of [
        ["conv", layer],
        ["gemm", shallow],
        ["conv", grouped],
      ] as const) {
        const kernel = `${operation}_x8_${own}_6x8c4_relaxed`;
        expect(await expectEqual(layerGraph(problem, { x: w, w }), kernel)).toContain(kernel);
      }
    },
  );

  it.skipIf(!hasDot)("open their weights once for several blocks of rows", async () => {
    for (const w of [float6_e2m3fn, float4_e2m1fn]) {
      const deep = conv([1, 40, 41, 32], [12, 1, 1, 32]);
      const kernels = await expectEqual(layerGraph(deep, { x: w, w }));
      expect(kernels).toContain(`open_m${w.bits}_i8_relaxed`);
      expect(kernels).toContain("gemm_x8_w8_6x8c4_relaxed");
    }
  });
});

describe("weights that are opened as float32", () => {
  const names = [
    ...["float8_e3m4", "float8_e4m3", "float8_e4m3b11fnuz", "float8_e4m3fn", "float8_e5m2fnuz"],
    ...["float8_e5m2", "hfp8_e4m3", "hfp8_e5m2", "float6_e2m3fn", "float6_e3m2fn", "float4_e2m1fn"],
  ];

  it.each(names)("have all values of %s, infinity and NaN too", async (name) => {
    const format = findFormat(name) as Minifloat;
    const graph = layerGraph(conv([1, 2, 3, 2], [128, 1, 1, 2]), { x: float32, w: format });
    const all = Uint16Array.from({ length: 2 ** format.bits }, (_, code) => code);
    const numbers = all.filter((code) => Number.isFinite(format.decode(code)));
    for (const codes of [numbers, all]) {
      const repeated = Uint16Array.from({ length: 256 }, (_, i) => codes[i % codes.length]!);
      const data = format.bits === 8 ? Uint8Array.from(repeated) : packBits(format, repeated);
      const values = graph.values.map((value, id) =>
        id === 2 ? { ...value, constant: { ...value.constant!, data } } : value,
      );
      await expectEqual({ ...graph, values });
    }
  });

  it("are multiplied in parts where they are deep", async () => {
    const formats = { x: float32, w: float8_e4m3fn };
    const exact = { x: float8_e4m3fn, w: float8_e4m3fn };
    for (const rows of [1, 7]) {
      const layer = conv([1, 1, rows, 1_301], [11, 1, 1, 1_301], { activation: "relu" });
      expect(await expectEqual(layerGraph(layer, formats))).toContain("gemm_f32_m8_5x8c1");
      await expectEqual(layerGraph(layer, exact));
    }
    const windows = conv([1, 6, 5, 64], [9, 3, 3, 64]);
    await expectEqual(layerGraph(windows, formats));
    await expectEqual(layerGraph(windows, exact));
  });
});

describe("a layer of several tiles", () => {
  it.each(PAIRS.map(([x, w]) => ({ x, w, name: `${x.name} x ${w.name}` })))(
    "gives the bits of the reference on threads: $name",
    async ({ x, w }) => {
      const layer = conv([1, 24, 25, 12], [20, 3, 3, 12], { activation: "relu" });
      const graph = layerGraph(layer, { x, w });
      const { plan } = await runGraph(graph, [floats(graph.values[0]!.type.shape, 1).data]);
      const tiles = plan.steps.map((step) => (step.kind === "kernel" ? step.tiles : 0));
      expect(tiles.at(-1)).toBeGreaterThan(1);
      await expectEqual(graph);
    },
  );
});

describe("the input of a layer", () => {
  it.each([float8_e4m3fn, float6_e2m3fn, float6_e3m2fn, float4_e2m1fn])(
    "may be codes that no EncodeMinifloat has made: $name",
    async (format) => {
      const layer = conv([1, 5, 5, 6], [7, 3, 3, 6]);
      await expectEqual(layerGraph(layer, { x: format, w: format, readers: 0 }));
    },
  );

  it("is rounded once for two readers", async () => {
    const graph = layerGraph(LAYERS["3x3 with a border"]!, {
      ...{ x: float8_e4m3fn, w: float8_e4m3fn, readers: 2 },
    });
    const { plan } = await runGraph(graph, [floats(graph.values[0]!.type.shape, 1).data]);
    expect(kernelsOf(plan).filter((kernel) => kernel.startsWith("round"))).toHaveLength(1);
    await expectEqual(graph);
  });

  it("stays codes where they are an output", async () => {
    const graph = layerGraph(LAYERS["3x3 with a border"]!, { x: float6_e2m3fn, w: float6_e2m3fn });
    const shown = { ...graph, outputs: [...graph.outputs, 1] };
    const x = floats(graph.values[0]!.type.shape, 4).data;
    const { outputs } = await runGraph(shown, [x]);
    expect(outputs).toEqual(referenceOutputs(shown, [x]));
  });

  it.each([
    ...[float8_e4m3fn, float8_e5m2, hfp8_e4m3, bfloat16].map((x) => ({ x, w: x, name: x.name })),
    ...[float4_e2m1fn, float6_e2m3fn, float6_e3m2fn].map((x) => ({ x, w: x, name: x.name })),
    { x: integer8, w: float6_e2m3fn, name: "integers of 8 bits" },
  ])(
    "is rounded as EncodeMinifloat does it at ties, overflow, infinity and NaN: $name",
    async ({ x: format, w }) => {
      const graph = layerGraph(conv([1, 1, 96, 1], [8, 1, 1, 1]), { x: format, w });
      const specials = [NaN, Infinity, -Infinity, 0, -0, 1e30, -1e30, 1e-30, 1e-45];
      const steps = Array.from({ length: 80 }, (_, i) => (i - 40) * format.smallest * 0.5 * 0.3);
      const x = Float32Array.from([...specials, ...steps, ...new Array<number>(7).fill(1)]);
      const expected = referenceOutputs(graph, [x]);
      for (const build of testBuilds) {
        expect((await runGraph(graph, [x], { build })).outputs).toEqual(expected);
      }
    },
  );

  it.each([
    ...[float8_e4m3fn, float8_e5m2fnuz, hfp8_e4m3, bfloat16, fp16_e6m9],
    ...[float4_e2m1fn, float6_e2m3fn, float6_e3m2fn],
  ])("makes +0 of zeros of both signs, and of NaN without a code: $name", async (format) => {
    // Products of -0 alone, with nothing added behind them that would hide their sign.
    const layer = { ...conv([1, 1, 24, 1], [8, 1, 1, 1]), bias: false };
    const graph = layerGraph(layer, { x: format, w: format });
    const zeros = [0, -0, 1e-45, -1e-45, format.hasNaN ? -0 : NaN];
    const x = Float32Array.from({ length: 24 }, (_, i) => zeros[i % zeros.length]!);
    const [expected] = referenceOutputs(graph, [x]);
    expect((expected as Float32Array).every((y) => Object.is(y, 0))).toBe(true);
    for (const build of testBuilds) {
      const [y] = (await runGraph(graph, [x], { build })).outputs;
      expect(
        (y as Float32Array).every((own) => Object.is(own, 0)),
        build,
      ).toBe(true);
    }
  });
});

describe("FullyConnected", () => {
  it.each(PAIRS.map(([x, w]) => ({ x, w, name: `${x.name} x ${w.name}` })))(
    "gives the bits of the reference: $name",
    async ({ x, w }) => {
      for (const [rows, columns, depth] of [
        [1, 9, 65],
        [6, 16, 33],
      ] as const) {
        const layer = {
          operator: fullyConnected,
          attributes: { activation: "relu", keepDims: false } as const,
          ...{ x: [rows, depth], w: [columns, depth], bias: rows > 1 },
        };
        expect(await expectEqual(layerGraph(layer, { x, w }))).not.toContain("reference");
      }
    },
  );
});

describe("DepthwiseConv2D", () => {
  it.each(PAIRS.map(([x, w]) => ({ x, w, name: `${x.name} x ${w.name}` })))(
    "gives the bits of the reference: $name",
    async ({ x, w }) => {
      const layer = {
        operator: depthwiseConv2D,
        attributes: { ...BASE, strides: [2, 2], activation: "relu6" } as const,
        ...{ x: [1, 9, 8, 5], w: [1, 3, 3, 5], axis: 3 },
      };
      expect(await expectEqual(layerGraph(layer, { x, w }))).not.toContain("reference");
    },
  );
});

describe("a sum in an emulated accumulator", () => {
  const accumulate = (
    rounding: "nearest" | "stochastic",
    more: Partial<AccumulateAttributes> = {},
  ): AccumulateAttributes => ({
    ...{ accumulator: "fp16_e6m9", chunk: 16, rounding, ...more },
    draws: { seed: 2_018, layer: 5, step: 0, stream: 0 },
  });
  const formats = { x: float8_e5m2, w: float8_e5m2 };

  it.each(["nearest", "stochastic"] as const)("of a convolution, rounded %s", async (rounding) => {
    for (const name of ["1x1, 9 columns of depth 7", "3x3 with a border", "3x3, dilated"]) {
      const { attributes, ...layer } = LAYERS[name]!;
      const own = { ...attributes, accumulate: accumulate(rounding) };
      const kernels = await expectEqual(layerGraph({ ...layer, attributes: own }, formats));
      expect(kernels).toContain(`chunked_f32_${rounding}`);
    }
  });

  it.each(["nearest", "stochastic"] as const)("of a matrix, rounded %s", async (rounding) => {
    const layer = {
      operator: fullyConnected,
      attributes: {
        activation: "none",
        keepDims: false,
        accumulate: accumulate(rounding),
      } as const,
      ...{ x: [5, 70], w: [9, 70] },
    };
    expect(await expectEqual(layerGraph(layer, formats))).toContain(`chunked_f32_${rounding}`);
  });

  const GROUPED = {
    "two groups": LAYERS["two groups"]!,
    "a group for each channel": conv([1, 6, 5, 6], [12, 3, 3, 1]),
    "three groups of one pixel": conv([2, 5, 4, 12], [15, 1, 1, 4], { activation: "relu" }),
    "groups and a single output": conv([1, 3, 3, 8], [12, 3, 3, 4], { padding: "valid" }),
  };

  it.each(["nearest", "stochastic"] as const)("of groups, rounded %s", async (rounding) => {
    for (const { attributes, ...layer } of Object.values(GROUPED)) {
      const own = { ...attributes, accumulate: accumulate(rounding, { chunk: 5 }) };
      const kernels = await expectEqual(layerGraph({ ...layer, attributes: own }, formats));
      expect(kernels).toContain(`chunked_f32_${rounding}`);
      expect(kernels).not.toContain("reference");
    }
  });

  const depthwise = (
    x: readonly number[],
    w: readonly number[],
    attributes: Partial<Conv2DAttributes>,
  ): Layer<Conv2DAttributes> => {
    return { operator: depthwiseConv2D, attributes: { ...BASE, ...attributes }, x, w, axis: 3 };
  };
  const DEPTHWISE = [
    depthwise([1, 9, 8, 5], [1, 3, 3, 5], { strides: [2, 2], activation: "relu6" }),
    depthwise([2, 6, 7, 8], [1, 3, 3, 8], {}),
    depthwise([1, 7, 6, 3], [1, 5, 3, 6], { dilations: [1, 2] }),
    depthwise([1, 4, 4, 9], [1, 4, 4, 9], { padding: "valid" }),
  ];

  it.each(["nearest", "stochastic"] as const)("of depthwise layers, rounded %s", async (way) => {
    for (const { attributes, ...layer } of DEPTHWISE) {
      for (const chunk of [1, 4, 100]) {
        const own = { ...attributes, accumulate: accumulate(way, { chunk }) };
        const kernels = await expectEqual(layerGraph({ ...layer, attributes: own }, formats));
        expect(kernels).toContain(`chunked_depthwise_f32_${way}`);
        expect(kernels).not.toContain("reference");
      }
    }
  });

  it("of products that have more digits than the accumulator", async () => {
    const wide = { x: fp16_e6m9, w: float8_e4m3fn };
    for (const { attributes, ...layer } of [DEPTHWISE[1]!, LAYERS["3x3 with a border"]!]) {
      const own = { ...attributes, accumulate: accumulate("nearest", { shift: 20 }) };
      const kernels = await expectEqual(layerGraph({ ...layer, attributes: own }, wide));
      expect(kernels.some((kernel) => kernel.endsWith("_f32_nearest_wide"))).toBe(true);
    }
  });

  it.each(["nearest", "stochastic"] as const)("on 1, 2 and 4 threads, %s", async (rounding) => {
    for (const { attributes, ...layer } of [
      depthwise([1, 80, 80, 24], [1, 3, 3, 24], { activation: "relu" }),
      conv([1, 24, 24, 16], [16, 3, 3, 8]),
    ]) {
      const own = { ...attributes, accumulate: accumulate(rounding) };
      const graph = layerGraph({ ...layer, attributes: own }, formats);
      const x = floats(graph.values[0]!.type.shape, 4).data;
      const expected = referenceOutputs(graph, [x]);
      for (const workers of [0, 1, 3]) {
        const { plan, outputs } = await runGraph(graph, [x], { workers });
        const tiles = plan.steps.map((step) =>
          step.kind === "kernel" && step.kernel.startsWith("chunked") ? step.tiles : 0,
        );
        expect(Math.max(...tiles)).toBeGreaterThan(1);
        expect(outputs).toEqual(expected);
      }
    }
  });

  it("of products that are divided by a power of two", async () => {
    const { attributes, ...layer } = LAYERS["3x3 with a border"]!;
    const graphs = [undefined, 0, 3, 40].map((shift) => {
      const own = { ...attributes, accumulate: accumulate("nearest", { shift }) };
      return layerGraph({ ...layer, attributes: own }, formats);
    });
    const x = floats(graphs[0]!.values[0]!.type.shape, 4).data;
    const [without, zero, three, forty] = graphs.map((graph) => referenceOutputs(graph, [x])[0]);
    for (const graph of graphs) await expectEqual(graph);
    // Far from both ends of the range a power of two changes nothing.
    expect(zero).toEqual(without);
    expect(three).toEqual(without);
    expect(forty).not.toEqual(without);
  });
});
