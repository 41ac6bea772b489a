/**
 * Depthwise convolution on the relaxed dot: equal to `reference()` on both relaxed builds where the
 * machine's dot is exact; planned for both exact classes, and for no other, on any machine. Channels,
 * columns and rows lie at the boundaries of the tile of 8 channels by 4 columns by 2 rows.
 */
import { describe, expect, it } from "vitest";
import { int32, int8, uint8 } from "../../src/formats/index.ts";
import {
  depthwiseConv2D,
  type DepthwiseConv2DAttributes,
  type Extent2D,
} from "../../src/operators/index.ts";
import { createPlan } from "../../src/plan/index.ts";
import { perChannel, perTensor } from "../../src/quantization/index.ts";
import { allocateTensor } from "../../src/tensor/index.ts";
import { type DotClass, relaxedDotClass } from "../../src/wasm/index.ts";
import {
  kernelsOf,
  nodeGraph,
  randomData,
  randomSource,
  referenceOutputs,
  runGraph,
} from "./runner.ts";

interface Problem {
  readonly input: readonly [number, number, number, number];
  readonly filter: Extent2D;
  readonly attributes?: Partial<DepthwiseConv2DAttributes>;
  readonly form?: "int8" | "uint8" | "uint8 wide";
  readonly multiplier?: number;
  /** Scale of the output: small ones make scaled sums large. */
  readonly scale?: number;
  readonly bias?: boolean;
  /** Codes of the input and of the weights, instead of random ones. */
  readonly codes?: readonly [number, number];
}

function graphOf({
  input,
  filter,
  attributes,
  form = "int8",
  multiplier = 1,
  scale = 0.04,
  bias: hasBias = true,
  codes,
}: Problem) {
  const random = randomSource(input.reduce((sum, extent) => sum * 31 + extent, 7));
  const channels = input[3] * multiplier;
  const isUnsigned = form !== "int8";
  const weightType = isUnsigned
    ? { format: uint8, quantization: perTensor(0.004, form === "uint8" ? 127 : 140) }
    : {
        format: int8,
        quantization: perChannel(
          Array.from({ length: channels }, () => 0.001 + random() * 0.01),
          new Int32Array(channels),
          3,
        ),
      };
  const w = allocateTensor({ ...weightType, shape: [1, ...filter, channels] });
  w.data.set(randomData(w.type, random) as never);
  // Weights less their zero point are int8 codes: −127 … 127.
  if (form === "uint8") (w.data as Uint8Array).forEach((v, i, all) => (all[i] = Math.min(v, 254)));
  if (codes !== undefined) w.data.fill(codes[1] as never);
  const bias = allocateTensor({ format: int32, shape: [channels] });
  for (let c = 0; c < channels; c++) bias.data[c] = Math.floor((random() - 0.5) * 20000);
  const format = isUnsigned ? uint8 : int8;
  const x = { format, shape: input, quantization: perTensor(0.05, isUnsigned ? 121 : -7) };
  const y = { format, shape: [], quantization: perTensor(scale, isUnsigned ? 3 : 13) };
  const graph = nodeGraph(
    depthwiseConv2D,
    { strides: [1, 1], dilations: [1, 1], padding: "same", activation: "none", ...attributes },
    [x, w, hasBias ? bias : undefined],
    [y],
  );
  const data = randomData(x, random);
  if (codes !== undefined) data.fill(codes[0] as never);
  return { graph, data };
}

const PAIRS = "depthwise_x8_i8_2x4x8c4_relaxed";
const ANY = "depthwise_x8_i8_4x8c4_relaxed";

const machineClass = relaxedDotClass();
const isExact = machineClass === "usdot" || machineClass === "sdot";

async function check(problem: Problem, kernel: string, workers = 0): Promise<void> {
  const { graph, data } = graphOf(problem);
  const expected = referenceOutputs(graph, [data]);
  for (const build of ["release-relaxed", "debug-relaxed"] as const) {
    const run = await runGraph(graph, [data], { build, forced: kernel, workers });
    expect(kernelsOf(run.plan)).toEqual([kernel]);
    expect(run.outputs).toEqual(expected);
  }
}

const kernels = [PAIRS, ANY].flatMap((kernel) => [
  { kernel, form: "int8" as const },
  { kernel, form: "uint8" as const },
]);

describe.runIf(isExact).each(kernels)("$kernel on $form", ({ kernel, form }) => {
  it("equals the reference at every number of channels about the tile", async () => {
    for (const channels of [1, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 33]) {
      await check({ input: [1, 5, 6, channels], filter: [3, 3], form }, kernel);
    }
  });

  it("equals the reference at every number of columns about the tile", async () => {
    for (const width of [1, 2, 3, 4, 5, 7, 8, 9, 13]) {
      await check({ input: [1, 4, width, 9], filter: [3, 3], form }, kernel);
    }
  });

  it("equals the reference at every number of rows about the tile", async () => {
    for (const height of [2, 3, 4, 5, 7]) {
      await check({ input: [1, height, 5, 9], filter: [3, 3], form }, kernel);
    }
  });

  it("equals the reference on several images, without bias, with an activation", () =>
    check(
      {
        input: [3, 5, 4, 10],
        filter: [3, 3],
        form,
        bias: false,
        attributes: { activation: "relu6" },
      },
      kernel,
    ));

  it("pads by explicit amounts, whole rows of them", () =>
    check(
      {
        input: [1, 3, 3, 8],
        filter: [3, 3],
        form,
        attributes: { padding: { top: 4, bottom: 3, left: 4, right: 3 } },
      },
      kernel,
    ));

  it("equals the reference on extreme operands, whose sums are far outside the range", async () => {
    const operands = form === "int8" ? [-128, 127] : [0, 254];
    for (const code of form === "int8" ? [-128, 127] : [0, 255]) {
      for (const weight of operands) {
        await check({ input: [1, 5, 5, 8], filter: [3, 3], form, codes: [code, weight] }, kernel);
      }
    }
  });

  it("cuts one image by rows, shared by threads", async () => {
    await check({ input: [1, 63, 64, 64], filter: [3, 3], form }, kernel);
    await check({ input: [1, 63, 64, 64], filter: [3, 3], form }, kernel, 1);
  });
});

const filters = [
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((height) => [height, 2] as const),
  ...[1, 2, 4, 5, 7].map((width) => [3, width] as const),
  ...([
    [5, 5],
    [7, 7],
    [1, 9],
  ] as const),
];

describe.runIf(isExact)("other filters and strides", () => {
  it.each([PAIRS, ANY])("equal the reference on %s", async (kernel) => {
    for (const filter of filters) await check({ input: [1, 6, 7, 9], filter }, kernel);
  });

  it.each([
    { strides: [2, 2] },
    { strides: [2, 2], padding: "valid" },
    { strides: [3, 1] },
    { strides: [1, 3] },
    { strides: [4, 5] },
    { dilations: [2, 2] },
    { dilations: [3, 1] },
    { strides: [2, 3], dilations: [2, 3] },
  ] satisfies Partial<DepthwiseConv2DAttributes>[])("equal the reference with %j", (attributes) =>
    check({ input: [2, 11, 10, 9], filter: [3, 3], attributes }, ANY),
  );

  it("equal the reference with dilation along columns alone", () =>
    check({ input: [2, 7, 11, 9], filter: [3, 3], attributes: { dilations: [1, 2] } }, PAIRS));

  it("equal the reference with windows as large as the image", async () => {
    const attributes = { padding: "valid" } as const;
    await check({ input: [1, 7, 7, 12], filter: [7, 7], attributes }, ANY);
  });
});

describe("the plan", () => {
  const kernel = (problem: Problem, dot: DotClass) =>
    kernelsOf(
      createPlan(graphOf(problem).graph, { rounding: "fp32", machine: { isa: "relaxed", dot } }),
    );
  const small: Problem = { input: [1, 6, 6, 8], filter: [3, 3] };

  it("takes the relaxed dot where it is exact", () => {
    for (const dot of ["usdot", "sdot"] as const) {
      for (const form of ["int8", "uint8"] as const) {
        expect(kernel({ ...small, form }, dot)).toEqual([PAIRS]);
        expect(kernel({ ...small, form, filter: [5, 5] }, dot)).toEqual([PAIRS]);
        expect(kernel({ ...small, form, attributes: { strides: [2, 2] } }, dot)).toEqual([ANY]);
      }
    }
  });

  it("does not take it where pairs saturate or nothing is known", () => {
    expect(kernel(small, "saturating")).toEqual(["depthwise_i8_i16_4x8c2_s1"]);
    expect(kernel(small, "none")).toEqual(["depthwise_i8_i16_4x8c2_s1"]);
  });

  it("does not take it for wide weights, multipliers, or sums that leave the exact range", () => {
    const plain = ["depthwise_i8_i16_4x8c2_s1"];
    expect(kernel({ ...small, form: "uint8 wide" }, "usdot")).toEqual(plain);
    expect(kernel({ ...small, multiplier: 2 }, "usdot")).toEqual(plain);
    expect(kernel({ ...small, scale: 1e-6 }, "usdot")).toEqual(plain);
  });
});
