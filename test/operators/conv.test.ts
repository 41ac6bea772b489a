/** Conv2D, DepthwiseConv2D, TransposeConv and FullyConnected on cases computed by hand. */
import { describe, expect, test } from "vitest";
import {
  type BitlaneError,
  ModelError,
  QuantizationError,
  ShapeError,
  UnsupportedError,
} from "../../src/errors.ts";
import { float32, type Format, int32, int4, int8, uint8 } from "../../src/formats/index.ts";
import {
  type Activation,
  conv2D,
  type Conv2DAttributes,
  depthwiseConv2D,
  fullyConnected,
  transposeConv,
} from "../../src/operators/index.ts";
import { perChannel, perTensor } from "../../src/quantization/index.ts";
import type { Shape, Tensor } from "../../src/tensor/index.ts";
import { apply, applyOne, tensor, typeOf } from "./apply.ts";

const plain: Conv2DAttributes = {
  strides: [1, 1],
  dilations: [1, 1],
  padding: "valid",
  activation: "none",
};

/** Codes at scale 1: real values and accumulators are the codes less their zero point. */
function codes(shape: Shape, values: number[], zeroPoint = 0, format: Format = int8): Tensor {
  return tensor(typeOf(format, shape, perTensor(1, zeroPoint)), values);
}

function floats(shape: Shape, values: number[]): Tensor {
  return tensor(typeOf(float32, shape), values);
}

function bias(...values: number[]): Tensor {
  return tensor(typeOf(int32, [values.length]), values);
}

const constants = [1, 2];

describe("Conv2D", () => {
  test("pads with the zero point, so that the border adds nothing", () => {
    const x = codes([1, 2, 2, 1], [6, 7, 8, 9], 5);
    const w = codes([1, 3, 3, 1], Array<number>(9).fill(1));
    const attributes: Conv2DAttributes = { ...plain, padding: "same" };
    const declared = [typeOf(int8, [], perTensor(1, -3))];
    // Every window holds all four values: 1 + 2 + 3 + 4 + bias 10 = 20.
    const y = applyOne(conv2D, attributes, [x, w, bias(10)], { declared, constants });
    expect(y).toEqual({ shape: [1, 2, 2, 1], values: [17, 17, 17, 17] });
  });

  test("has one multiplier per channel, strides and dilations", () => {
    const x = codes([1, 3, 3, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    const w = tensor(
      typeOf(int8, [2, 2, 2, 1], perChannel([1, 2], [0, 0], 0)),
      [1, 2, 3, 4, 1, 0, 0, -1],
    );
    const attributes: Conv2DAttributes = { ...plain, dilations: [2, 2] };
    const declared = [typeOf(int8, [], perTensor(2, 0))];
    // Taps 1, 3, 7, 9: 1 + 6 + 21 + 36 = 64 · 1 / 2 and 1 − 9 = −8 · 2 / 2.
    const y = applyOne(conv2D, attributes, [x, w], { declared, constants });
    expect(y).toEqual({ shape: [1, 1, 1, 2], values: [32, -8] });
  });

  test("splits channels into groups", () => {
    const x = codes([1, 1, 1, 4], [1, 2, 3, 4]);
    const w = codes([2, 1, 1, 2], [1, 1, 10, 1]);
    expect(applyOne(conv2D, plain, [x, w], { constants }).values).toEqual([3, 34]);
  });

  test("has zero points of uint8 weights", () => {
    const x = codes([1, 1, 1, 2], [130, 120], 128, uint8);
    const w = codes([1, 1, 1, 2], [3, 1], 2, uint8);
    const declared = [typeOf(uint8, [], perTensor(1, 100))];
    // 2 · 1 + (−8) · (−1) = 10.
    expect(applyOne(conv2D, plain, [x, w], { declared, constants }).values).toEqual([110]);
  });

  test("clamps to the fused activation", () => {
    const x = codes([1, 1, 1, 1], [1]);
    const values = [-100, -1, 3, 100];
    const w = codes([4, 1, 1, 1], values);
    const clamped = (activation: Activation): unknown =>
      applyOne(conv2D, { ...plain, activation }, [x, w], {
        declared: [typeOf(int8, [], perTensor(1, -20))],
        constants,
      }).values;
    expect(clamped("none")).toEqual([-120, -21, -17, 80]);
    expect(clamped("relu")).toEqual([-20, -20, -17, 80]);
    expect(clamped("relu6")).toEqual([-20, -20, -17, -14]);
    expect(clamped("relu_n1_to_1")).toEqual([-21, -21, -19, -19]);
  });

  test("adds floats in the order of the filter, from the bias", () => {
    const x = floats([1, 1, 1, 3], [2 ** 24, 1, -(2 ** 24)]);
    const w = floats([1, 1, 1, 3], [1, 1, 1]);
    const start = floats([1], [1]);
    // f32(1 + 2^24) = 2^24, f32(2^24 + 1) = 2^24, − 2^24 = 0: exact arithmetic gives 2.
    expect(applyOne(conv2D, plain, [x, w, start]).values).toEqual([0]);
  });

  test("lets NaN and −0 pass through relu", () => {
    const w = floats([1, 1, 1, 1], [1]);
    const start = floats([1], [-0]);
    const relu: Conv2DAttributes = { ...plain, activation: "relu" };
    const { values } = applyOne(conv2D, relu, [floats([1, 1, 3, 1], [NaN, -0, -5]), w, start]);
    expect(values).toEqual([NaN, -0, 0]);
  });

  test("quantizes floats beside 8-bit weights at run time", () => {
    const w = tensor(typeOf(int8, [1, 1, 1, 2], perTensor(0.5, 0)), [2, 4]);
    const x = floats([1, 1, 2, 2], [127, -63.5, 254, 0]);
    const declared = [typeOf(float32, [])];
    const run = (rounding: "fp32" | "tflite-reference"): (number | bigint)[] =>
      applyOne(conv2D, plain, [x, w], { rounding, declared, constants }).values;
    // One scale of 254 / 127 = 2 per image: codes 64 (63.5 away from zero), −32, 127, 0.
    expect(run("tflite-reference")).toEqual([(64 * 2 - 32 * 4) * 2 * 0.5, 127 * 2 * 2 * 0.5]);
    // One scale per pixel: 190.5 / 255 and 254 / 255.
    const [first, second] = run("fp32") as [number, number];
    expect(first).toBeCloseTo((170 * 2 - 85 * 4) * (190.5 / 255) * 0.5, 3);
    expect(second).toBeCloseTo(254, 3);
  });

  describe("refuses", () => {
    const x = codes([1, 4, 4, 4], []);
    const w = codes([8, 3, 3, 4], []);
    const cases: [string, new (message: string) => BitlaneError, Parameters<typeof refusal>[0]][] =
      [
        ["an input of rank 3", ShapeError, { x: codes([4, 4, 4], []) }],
        ["channels that do not divide", ShapeError, { x: codes([1, 4, 4, 6], []) }],
        ["filters without channels", ShapeError, { w: codes([8, 3, 3, 0], []) }],
        ["a short bias", ShapeError, { b: bias(1) }],
        ["a float bias", ModelError, { b: floats([8], []) }],
        ["float filters", ModelError, { w: floats([8, 3, 3, 4], []) }],
        ["a stride of 0", ModelError, { attributes: { strides: [0, 1] } }],
        ["an unknown activation", ModelError, { attributes: { activation: "99" as Activation } }],
        [
          "an input without scale",
          QuantizationError,
          { x: tensor(typeOf(int8, [1, 4, 4, 4]), []) },
        ],
        ["filters without scale", QuantizationError, { w: tensor(typeOf(int8, [8, 3, 3, 4]), []) }],
        [
          "too few filter scales",
          QuantizationError,
          {
            w: tensor(typeOf(int8, [8, 3, 3, 4], perChannel([1, 1, 1], [0, 0, 0], 0)), []),
          },
        ],
        [
          "filter scales along another axis",
          QuantizationError,
          {
            w: tensor(
              typeOf(int8, [8, 3, 3, 8], perChannel(Array(8).fill(1), Array(8).fill(0), 3)),
              [],
            ),
            x: codes([1, 4, 4, 8], []),
          },
        ],
        ["a zero point in int8 filters", QuantizationError, { w: codes([8, 3, 3, 4], [], 1) }],
        [
          "a multiplier that is 0 in float32",
          QuantizationError,
          { w: tensor(typeOf(int8, [8, 3, 3, 4], perTensor(1e-30, 0)), []), scale: 1e20 },
        ],
        [
          "a multiplier that is infinite in float32",
          QuantizationError,
          { w: tensor(typeOf(int8, [8, 3, 3, 4], perTensor(1e30, 0)), []), scale: 1e-20 },
        ],
        ["filters computed at run time", UnsupportedError, { known: [2] }],
        [
          "a sum that may pass int32",
          UnsupportedError,
          {
            w: codes([8, 3, 3, 4], Array(288).fill(-128)),
            b: bias(2 ** 31 - 1, 0, 0, 0, 0, 0, 0, 0),
          },
        ],
      ];

    interface Change {
      x?: Tensor;
      w?: Tensor;
      b?: Tensor;
      attributes?: Partial<Conv2DAttributes>;
      scale?: number;
      known?: number[];
    }

    function refusal(change: Change): () => unknown {
      const inputs = [change.x ?? x, change.w ?? w, change.b ?? bias(0, 0, 0, 0, 0, 0, 0, 0)];
      return () =>
        apply(conv2D, { ...plain, ...change.attributes }, inputs, {
          declared: [typeOf(int8, [], perTensor(change.scale ?? 1, 0))],
          constants: change.known ?? constants,
        });
    }

    test("nothing of the valid form", () => {
      expect(refusal({})).not.toThrow();
    });
    test.each(cases)("%s", (_what, error, change) => {
      expect(refusal(change)).toThrow(error);
    });
  });

  test("accepts a bias of −2^31 beside filters of 0", () => {
    const x = codes([1, 1, 1, 1], [5]);
    const w = codes([1, 1, 1, 1], [0]);
    const y = applyOne(conv2D, plain, [x, w, bias(-(2 ** 31))], { constants });
    expect(y.values).toEqual([-128]);
  });

  test("holds the bias scale of uint8 layers to that of the product", () => {
    const x = codes([1, 1, 1, 1], [5], 0, uint8);
    const w = codes([1, 1, 1, 1], [2], 0, uint8);
    const scaled = (scale: number): Tensor => tensor(typeOf(int32, [1], perTensor(scale, 0)), [0]);
    const run = (scale: number) => () =>
      applyOne(conv2D, plain, [x, w, scaled(scale)], { constants });
    expect(run(1.01)().values).toEqual([10]);
    expect(run(1.03)).toThrow(QuantizationError);
  });
});

describe("DepthwiseConv2D", () => {
  test("reads input channel c / multiplier", () => {
    const x = codes([1, 1, 1, 2], [2, 3]);
    const w = codes([1, 1, 1, 4], [1, 10, 1, -10]);
    const y = applyOne(depthwiseConv2D, plain, [x, w], { constants });
    expect(y).toEqual({ shape: [1, 1, 1, 4], values: [2, 20, 3, -30] });
  });

  test("has scales along the last axis", () => {
    const x = codes([1, 1, 2, 2], [1, 2, 3, 4]);
    const w = tensor(typeOf(int8, [1, 1, 2, 2], perChannel([1, 0.5], [0, 0], 3)), [1, 4, 10, 6]);
    // 1 + 30 and (8 + 24) / 2.
    expect(applyOne(depthwiseConv2D, plain, [x, w], { constants }).values).toEqual([31, 16]);
  });

  test("pads floats with 0, which meets an infinite weight as NaN", () => {
    const x = floats([1, 1, 1, 1], [2]);
    const w = floats([1, 1, 3, 1], [Infinity, 3, 1]);
    const same: Conv2DAttributes = { ...plain, padding: "same" };
    expect(applyOne(depthwiseConv2D, same, [x, w]).values).toEqual([NaN]);
  });

  test("refuses channels that are no multiple of the input's", () => {
    const run = () =>
      apply(depthwiseConv2D, plain, [codes([1, 2, 2, 4], []), codes([1, 1, 1, 6], [])], {
        constants,
      });
    expect(run).toThrow(ShapeError);
  });
});

describe("TransposeConv", () => {
  const attributes = {
    strides: [2, 2],
    padding: "same",
    outputShape: [1, 4, 4, 1],
    activation: "none",
  } as const;
  const x = codes([1, 2, 2, 1], [1, 2, 3, 4]);
  const w = codes([1, 3, 3, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9]);

  test("scatters the filter at each input position", () => {
    const { shape, values } = applyOne(transposeConv, attributes, [x, w, bias(0)], { constants });
    expect(shape).toEqual([1, 4, 4, 1]);
    // prettier-ignore
    expect(values).toEqual([
      1, 2, 3 + 2, 4,
      4, 5, 6 + 8, 10,
      7 + 3, 8 + 6, 9 + 14 + 9 + 4, 16 + 8,
      12, 15, 18 + 16, 20,
    ]);
  });

  test("gives the same in float32", () => {
    const integers = applyOne(transposeConv, attributes, [x, w], { constants });
    const real = [
      floats([1, 2, 2, 1], [1, 2, 3, 4]),
      floats([1, 3, 3, 1], [...w.data].map(Number)),
    ];
    expect(applyOne(transposeConv, attributes, real)).toEqual(integers);
  });

  test("refuses an output shape that filter, stride and rank contradict", () => {
    const run = (outputShape: number[]) => () =>
      apply(transposeConv, { ...attributes, outputShape }, [x, w], { constants });
    expect(run([1, 3, 4, 1])).not.toThrow();
    for (const bad of [
      [1, 4],
      [1, 5, 4, 1],
      [1, 4, 4, 5],
      [2, 4, 4, 1],
      [1, 4, -4, 1],
    ]) {
      expect(run(bad), bad.join("x")).toThrow(ShapeError);
    }
  });
});

describe("FullyConnected", () => {
  const w = codes([2, 3], [1, 2, 3, -1, 0, 1]);

  test("sees the input as rows", () => {
    const x = codes([2, 1, 3], [1, 1, 1, 1, 2, 3]);
    const flat = { activation: "none", keepDims: false } as const;
    const y = applyOne(fullyConnected, flat, [x, w, bias(1, 0)], { constants });
    expect(y).toEqual({ shape: [2, 2], values: [7, 0, 15, 2] });
    const kept = applyOne(fullyConnected, { ...flat, keepDims: true }, [x, w], { constants });
    expect(kept.shape).toEqual([2, 1, 2]);
  });

  test("reads packed 4-bit weights, the first in the low nibble", () => {
    const packed = tensor(typeOf(int4, [1, 3], perTensor(1, 0)), [0x2f, 0x08]);
    const x = codes([1, 3], [10, 5, 1]);
    const flat = { activation: "none", keepDims: false } as const;
    // Weights −1, 2, −8.
    expect(applyOne(fullyConnected, flat, [x, packed], { constants }).values).toEqual([-8]);
  });

  test("refuses an input of another depth", () => {
    const run = () =>
      apply(fullyConnected, { activation: "none", keepDims: false }, [codes([1, 4], []), w], {
        constants,
      });
    expect(run).toThrow(ShapeError);
  });
});
