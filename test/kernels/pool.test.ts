/** AveragePool2D, MaxPool2D, Mean and Sum: kernels equal to `reference()`. */
import { describe, expect, it } from "vitest";
import { float32, type Format, int8, uint8 } from "../../src/formats/index.ts";
import {
  averagePool2D,
  maxPool2D,
  mean,
  type Operator,
  type PoolAttributes,
  type ReduceAttributes,
  sum,
} from "../../src/operators/index.ts";
import { perTensor, type Rounding } from "../../src/quantization/index.ts";
import { elementCount, type Shape, type TensorType } from "../../src/tensor/index.ts";
import { expectReference } from "./against-reference.ts";
import { nodeGraph } from "./runner.ts";

function typed(format: Format, shape: Shape, scale: number, zeroPoint: number): TensorType {
  if (format === float32) return { format, shape };
  const middle = format === uint8 ? 128 : 0;
  return { format, shape, quantization: perTensor(scale, middle + zeroPoint) };
}

const SHORT = new Map([
  [int8, "i8"],
  [uint8, "u8"],
  [float32, "f32"],
]);

const POOLINGS: readonly (readonly [string, Operator<PoolAttributes>])[] = [
  ["max_pool", maxPool2D],
  ["average_pool", averagePool2D],
];

describe.each(POOLINGS)("%s", (name, operator) => {
  describe.each([int8, uint8, float32])("on $name", (format) => {
    const kernels = [`${name}_${SHORT.get(format)!}`];
    const graphOf = (shape: Shape, attributes: Partial<PoolAttributes>) =>
      nodeGraph(
        operator,
        { filter: [3, 3], strides: [1, 1], padding: "same", activation: "none", ...attributes },
        [typed(format, shape, 0.05, 4)],
        [typed(format, [], 0.05, 4)],
      );

    it.each([1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 25])("equals the reference with %i channels", (c) =>
      expectReference(graphOf([2, 5, 4, c], {}), { kernels }),
    );

    it.each([
      { filter: [2, 2], strides: [2, 2], padding: "valid" },
      { filter: [3, 2], strides: [2, 3] },
      { filter: [7, 6], padding: "valid" },
      { filter: [1, 1], strides: [2, 2] },
      { filter: [3, 3], padding: { top: 2, bottom: 1, left: 0, right: 2 } },
      { filter: [5, 5], activation: "relu" },
      { filter: [5, 5], activation: "relu6" },
      { filter: [2, 2], activation: "relu_n1_to_1" },
    ] satisfies Partial<PoolAttributes>[])("equals the reference with %j", (attributes) =>
      expectReference(graphOf([1, 7, 6, 10], attributes), { kernels }),
    );

    it("is cut into tiles of rows without changing a byte", () =>
      expectReference(graphOf([1, 64, 64, 32], {}), { kernels, threads: true }));
  });
});

describe("averages of codes", () => {
  it.each([127, 128, 129, 256, 300])("are exact over windows of %i in one row", (width) =>
    expectReference(
      nodeGraph(
        averagePool2D,
        { filter: [1, width], strides: [1, 1], padding: "valid", activation: "none" },
        [typed(int8, [1, 1, width, 8], 1, 0)],
        [typed(int8, [], 1, 0)],
      ),
      { kernels: ["average_pool_i8"], inputs: [new Int8Array(width * 8).fill(-128)] },
    ),
  );

  it("round every sum of every small window as the reference does", async () => {
    for (const [height, width] of [
      [1, 2],
      [1, 3],
      [2, 2],
      [7, 7],
    ] as const) {
      await expectReference(
        nodeGraph(
          averagePool2D,
          {
            filter: [height, width],
            strides: [height, width],
            padding: "valid",
            activation: "none",
          },
          [typed(int8, [1, height * 20, width * 20, 8], 1, 0)],
          [typed(int8, [], 1, 0)],
        ),
        { kernels: ["average_pool_i8"] },
      );
    }
  });

  it("of windows past 65,536 taps run the reference", () =>
    expectReference(
      nodeGraph(
        averagePool2D,
        { filter: [257, 256], strides: [1, 1], padding: "valid", activation: "none" },
        [typed(int8, [1, 257, 256, 1], 1, 0)],
        [typed(int8, [], 1, 0)],
      ),
      { kernels: ["reference"] },
    ));
});

const REDUCTIONS: readonly (readonly [string, Operator<ReduceAttributes>])[] = [
  ["Mean", mean],
  ["Sum", sum],
];

describe.each(REDUCTIONS)("%s", (_name, operator) => {
  describe.each([
    ["mean_i8", int8, "fp32"],
    ["mean_u8", uint8, "fp32"],
    ["mean_i8_fixed", int8, "tflite-reference"],
    ["mean_u8_fixed", uint8, "tflite-reference"],
    ["mean_f32", float32, "fp32"],
  ] satisfies [string, Format, Rounding][])("by %s", (kernel, format, rounding) => {
    const graphOf = (shape: Shape, axes: number[], keepDims = false) =>
      nodeGraph(
        operator,
        { axes, keepDims },
        [typed(format, shape, 0.05, -9)],
        [typed(format, [], operator === mean ? 0.013 : 0.9, 21)],
      );
    const expectation = { kernels: [kernel], rounding };

    it.each([1, 3, 4, 5, 7, 8, 9, 16, 17])("equals the reference with %i channels", (c) =>
      expectReference(graphOf([2, 7, 7, c], [1, 2]), expectation),
    );

    it.each([
      [[1], [[0]]],
      [[3, 4], [[1]]],
      [[2, 3, 4, 5], [[-1]]],
      [[2, 3, 4, 5], [[3, 1, 2]]],
      [[2, 3, 4, 5], [[0, 1, 2, 3]]],
      [[2, 1, 4, 5], [[0, 2]]],
      [[2, 3, 4, 5], [[]]],
    ] satisfies [number[], number[][]][])(
      "equals the reference over %j along %j",
      (shape, [axes]) => expectReference(graphOf(shape, axes!, true), expectation),
    );

    it.each([127, 128, 129, 1000])("equals the reference over a depth of %i", (depth) =>
      expectReference(graphOf([depth, 9], [0]), expectation),
    );

    it("runs the reference where kept axes lie between the reduced ones", () =>
      expectReference(graphOf([2, 3, 4], [0, 2]), { ...expectation, kernels: ["reference"] }));

    it("is cut into tiles of channels or of rows without changing a byte", async () => {
      await expectReference(graphOf([1, 20, 20, 1280], [1, 2]), { ...expectation, threads: true });
      await expectReference(graphOf([900, 30, 12], [1]), { ...expectation, threads: true });
    });
  });
});

describe("sums of extreme codes", () => {
  it.each([-128, 127])("of %i are exact past the int16 rows", (code) => {
    const shape = [1000, 8];
    const data = new Int8Array(elementCount(shape)).fill(code);
    return expectReference(
      nodeGraph(
        mean,
        { axes: [0], keepDims: false },
        [typed(int8, shape, 0.05, 0)],
        [typed(int8, [], 0.05, 0)],
      ),
      { kernels: ["mean_i8"], inputs: [data] },
    ).then(() => expect(data[0]).toBe(code));
  });
});
