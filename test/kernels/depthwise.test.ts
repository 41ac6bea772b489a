/**
 * Depthwise convolution: every kernel equal to `reference()`. Channels and columns lie at the
 * boundaries of the tile of 8 channels by 4 columns (float32: 4 by 8 and by 4).
 */
import { describe, expect, it } from "vitest";
import { float32, int32, int8, uint8 } from "../../src/formats/index.ts";
import {
  depthwiseConv2D,
  type DepthwiseConv2DAttributes,
  type Extent2D,
} from "../../src/operators/index.ts";
import { perChannel, perTensor, type Rounding } from "../../src/quantization/index.ts";
import { allocateTensor, type Tensor, type TensorType } from "../../src/tensor/index.ts";
import {
  kernelsOf,
  nodeGraph,
  randomData,
  randomSource,
  referenceOutputs,
  type RunOptions,
  runGraph,
} from "./runner.ts";

interface Problem {
  readonly input: readonly [number, number, number, number];
  readonly filter: Extent2D;
  readonly multiplier?: number;
  readonly attributes?: Partial<DepthwiseConv2DAttributes>;
  readonly format?: "int8" | "uint8" | "float32";
  readonly bias?: boolean;
  /** Codes of the input, instead of random ones. */
  readonly code?: number;
}

const ATTRIBUTES: DepthwiseConv2DAttributes = {
  strides: [1, 1],
  dilations: [1, 1],
  padding: "same",
  activation: "none",
};

function constant(type: TensorType, random: () => number): Tensor {
  return { type, data: randomData(type, random) };
}

function operands(problem: Problem, random: () => number) {
  const { input, filter, multiplier = 1, format = "int8" } = problem;
  const channels = input[3] * multiplier;
  const filterShape = [1, ...filter, channels];
  if (format === "float32") {
    return {
      x: { format: float32, shape: input },
      w: constant({ format: float32, shape: filterShape }, random),
      bias: constant({ format: float32, shape: [channels] }, random),
      y: { format: float32, shape: [] },
    };
  }
  const scales = Array.from({ length: channels }, () => 0.001 + random() * 0.01);
  const biasType = { format: int32, shape: [channels] };
  const bias = allocateTensor(biasType);
  for (let c = 0; c < channels; c++) bias.data[c] = Math.floor((random() - 0.5) * 20000);
  return format === "int8"
    ? {
        x: { format: int8, shape: input, quantization: perTensor(0.05, -7) },
        w: constant(
          {
            format: int8,
            shape: filterShape,
            quantization: perChannel(scales, new Int32Array(channels), 3),
          },
          random,
        ),
        bias,
        y: { format: int8, shape: [], quantization: perTensor(0.04, 13) },
      }
    : {
        x: { format: uint8, shape: input, quantization: perTensor(0.05, 121) },
        w: constant(
          { format: uint8, shape: filterShape, quantization: perTensor(0.004, 140) },
          random,
        ),
        bias,
        y: { format: uint8, shape: [], quantization: perTensor(0.04, 3) },
      };
}

async function check(problem: Problem, kernel: string, options: RunOptions = {}): Promise<void> {
  const random = randomSource(problem.input.reduce((sum, extent) => sum * 31 + extent, 7));
  const { x, w, bias, y } = operands(problem, random);
  const graph = nodeGraph(
    depthwiseConv2D,
    { ...ATTRIBUTES, ...problem.attributes },
    [x, w, problem.bias === false ? undefined : bias],
    [y],
  );
  const data = randomData(x, random);
  if (problem.code !== undefined) data.fill(problem.code as never);
  const run = await runGraph(graph, [data], { ...options, forced: kernel });
  expect(kernelsOf(run.plan)).toEqual([kernel]);
  expect(run.outputs).toEqual(referenceOutputs(graph, [data], options.rounding));
}

const STRIDE_ONE = "depthwise_i8_i16_4x8c2_s1";
const ANY = "depthwise_i8_i16_4x8c2";
const FIXED = "depthwise_i8_i16_4x8c2_fixed";
const FLOAT = "depthwise_f32_f32_4x8";

describe.each([
  { kernel: STRIDE_ONE, format: "int8", rounding: "fp32" },
  { kernel: STRIDE_ONE, format: "uint8", rounding: "fp32" },
  { kernel: ANY, format: "int8", rounding: "fp32" },
  { kernel: ANY, format: "uint8", rounding: "fp32" },
  { kernel: FIXED, format: "int8", rounding: "tflite-reference" },
  { kernel: FIXED, format: "uint8", rounding: "tflite-reference" },
  { kernel: FLOAT, format: "float32", rounding: "fp32" },
] satisfies { kernel: string; format: Problem["format"]; rounding: Rounding }[])(
  "$kernel on $format",
  ({ kernel, format, rounding }) => {
    it.each([1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24])("equals the reference with %i channels", (c) =>
      check({ input: [1, 5, 6, c], filter: [3, 3], format }, kernel, { rounding }),
    );

    it.each([1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 16, 17])(
      "equals the reference with %i columns",
      (width) => check({ input: [1, 4, width, 9], filter: [3, 3], format }, kernel, { rounding }),
    );

    it.each([
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
      [3, 4],
      [4, 3],
      [5, 5],
      [7, 7],
      [1, 9],
      [9, 1],
    ] satisfies Extent2D[])("equals the reference with a filter of %i by %i", (height, width) =>
      check({ input: [1, 6, 7, 8], filter: [height, width], format }, kernel, { rounding }),
    );

    it("equals the reference with a window as large as the image", () =>
      check(
        { input: [1, 7, 7, 12], filter: [7, 7], format, attributes: { padding: "valid" } },
        kernel,
        { rounding },
      ));

    it.each([2, 3, 8])("repeats an input channel %i times", (multiplier) =>
      check({ input: [1, 4, 5, 3], filter: [3, 3], multiplier, format }, kernel, { rounding }),
    );

    it("equals the reference on several images, without bias, with an activation", () =>
      check(
        {
          input: [3, 4, 4, 10],
          filter: [3, 3],
          format,
          bias: false,
          attributes: { activation: "relu6" },
        },
        kernel,
        { rounding },
      ));

    it("pads by explicit amounts, whole rows of them", () =>
      check(
        {
          input: [1, 3, 3, 8],
          filter: [2, 2],
          format,
          attributes: { padding: { top: 3, bottom: 2, left: 4, right: 3 } },
        },
        kernel,
        { rounding },
      ));

    it("gives the same bytes in the debug build, whose assertions hold", () =>
      check({ input: [1, 5, 5, 11], filter: [3, 3], format }, kernel, {
        rounding,
        build: "debug-plain",
      }));
  },
);

describe.each([
  { kernel: ANY, format: "int8", rounding: "fp32" },
  { kernel: FIXED, format: "uint8", rounding: "tflite-reference" },
  { kernel: FLOAT, format: "float32", rounding: "fp32" },
] satisfies { kernel: string; format: Problem["format"]; rounding: Rounding }[])(
  "$kernel on $format",
  ({ kernel, format, rounding }) => {
    it.each([
      { strides: [2, 2] },
      { strides: [2, 2], padding: "valid" },
      { strides: [1, 3] },
      { strides: [3, 1] },
      { strides: [4, 5] },
      { dilations: [2, 2] },
      { dilations: [3, 1] },
      { dilations: [1, 4] },
      { strides: [2, 2], dilations: [1, 2] },
      { strides: [2, 3], dilations: [2, 3] },
    ] satisfies Partial<DepthwiseConv2DAttributes>[])(
      "equals the reference with %j",
      (attributes) =>
        check({ input: [2, 11, 10, 9], filter: [3, 3], format, attributes }, kernel, { rounding }),
    );
  },
);

describe("extreme operands", () => {
  it.each([-128, 127])("int8 codes of %i everywhere", (code) =>
    check({ input: [1, 5, 5, 8], filter: [5, 5], code }, STRIDE_ONE),
  );

  it.each([0, 255])("uint8 codes of %i everywhere", (code) =>
    check({ input: [1, 5, 5, 8], filter: [5, 5], format: "uint8", code }, STRIDE_ONE),
  );
});

describe("tiles", () => {
  it("cut one image by rows without changing a byte", () =>
    check({ input: [1, 64, 64, 64], filter: [3, 3] }, STRIDE_ONE));

  it("are shared by threads without changing a byte", () =>
    check({ input: [1, 64, 64, 64], filter: [3, 3] }, STRIDE_ONE, { workers: 1 }));
});
