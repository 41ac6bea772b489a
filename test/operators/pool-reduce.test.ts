/** AveragePool2D, MaxPool2D, Mean, Sum and Softmax on cases computed by hand. */
import { describe, expect, test } from "vitest";
import { ModelError, QuantizationError, ShapeError, UnsupportedError } from "../../src/errors.ts";
import { float32, int32, int8, uint8 } from "../../src/formats/index.ts";
import {
  averagePool2D,
  maxPool2D,
  mean,
  type PoolAttributes,
  softmax,
  sum,
} from "../../src/operators/index.ts";
import { perTensor, type Rounding } from "../../src/quantization/index.ts";
import type { Shape, Tensor } from "../../src/tensor/index.ts";
import { apply, applyOne, tensor, typeOf } from "./apply.ts";

const BOTH: readonly Rounding[] = ["fp32", "tflite-reference"];

function codes(shape: Shape, values: number[], scale = 1, zeroPoint = 0): Tensor {
  return tensor(typeOf(int8, shape, perTensor(scale, zeroPoint)), values);
}

function floats(shape: Shape, values: number[]): Tensor {
  return tensor(typeOf(float32, shape), values);
}

function to(scale: number, zeroPoint = 0) {
  return [typeOf(int8, [], perTensor(scale, zeroPoint))];
}

const window: PoolAttributes = {
  filter: [2, 2],
  strides: [1, 1],
  padding: "same",
  activation: "none",
};

describe("AveragePool2D", () => {
  test("divides by the elements inside the image, ties away from zero", () => {
    const x = codes([1, 2, 2, 1], [-1, -2, 4, 5]);
    for (const rounding of BOTH) {
      // 6 / 4 = 1.5, (−2 + 5) / 2 = 1.5, 9 / 2 = 4.5, 5 / 1.
      expect(applyOne(averagePool2D, window, [x], { rounding }).values).toEqual([2, 2, 5, 5]);
    }
    const negative = codes([1, 1, 2, 1], [-1, -2]);
    expect(applyOne(averagePool2D, window, [negative]).values).toEqual([-2, -2]);
  });

  test("keeps channels and images apart", () => {
    const x = floats([2, 1, 2, 2], [1, 10, 3, 30, 5, 50, 7, 70]);
    const valid = { ...window, filter: [1, 2], padding: "valid" } as const;
    const y = applyOne(averagePool2D, valid, [x]);
    expect(y).toEqual({ shape: [2, 1, 1, 2], values: [2, 20, 6, 60] });
  });

  test("clamps to the fused activation", () => {
    const x = codes([1, 1, 1, 3], [-50, 3, 100], 0.5, 1);
    const relu6 = { ...window, filter: [1, 1], activation: "relu6" } as const;
    expect(applyOne(averagePool2D, relu6, [x]).values).toEqual([1, 3, 13]);
  });

  test("refuses windows in the padding alone, strides of 0 and another output scale", () => {
    const x = codes([1, 4, 4, 1], []);
    const run =
      (change: Partial<PoolAttributes>, declared = to(1)) =>
      () =>
        apply(averagePool2D, { ...window, ...change }, [x], { declared });
    expect(run({})).not.toThrow();
    const padding = { top: 2, bottom: 0, left: 0, right: 0 };
    expect(run({ padding })).toThrow(ShapeError);
    expect(run({ filter: [2 ** 30, 2], padding: "valid" })).toThrow(ShapeError);
    expect(run({ filter: [0, 2] })).toThrow(ModelError);
    expect(run({ strides: [1, 0] })).toThrow(ModelError);
    expect(run({}, to(0.5))).toThrow(QuantizationError);
  });
});

describe("MaxPool2D", () => {
  test("takes the largest code inside the image", () => {
    const x = codes([1, 2, 2, 1], [-128, -2, -7, -100]);
    expect(applyOne(maxPool2D, window, [x]).values).toEqual([-2, -2, -7, -100]);
  });

  test("passes over NaN and works on uint8", () => {
    const x = floats([1, 1, 2, 1], [NaN, -3]);
    expect(applyOne(maxPool2D, window, [x]).values).toEqual([-3, -3]);
    const unsigned = tensor(typeOf(uint8, [1, 1, 2, 1], perTensor(1, 7)), [0, 200]);
    expect(applyOne(maxPool2D, window, [unsigned]).values).toEqual([200, 200]);
  });
});

describe("Mean and Sum", () => {
  const axes = { axes: [1], keepDims: false } as const;

  test("reduce any axes, in row-major order", () => {
    const x = floats([2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
    expect(applyOne(sum, axes, [x])).toEqual({ shape: [2, 2], values: [4, 6, 12, 14] });
    const outer = { axes: [0, -1], keepDims: true } as const;
    expect(applyOne(mean, outer, [x])).toEqual({ shape: [1, 2, 1], values: [3.5, 5.5] });
    const all = { axes: [0, 1, 2], keepDims: false } as const;
    expect(applyOne(sum, all, [x])).toEqual({ shape: [], values: [36] });
    // f32(f32(2^24 + 1) + 1) = 2^24: the order and the rounding are fixed.
    const large = floats([1, 3], [2 ** 24, 1, 1]);
    expect(applyOne(sum, axes, [large]).values).toEqual([2 ** 24]);
  });

  test("requantise the sum of codes, zero point inside the rounding under fp32", () => {
    const x = codes([1, 4], [3, 4, 4, 5], 1, 1);
    // Real mean 3 in halves: 6 + 5.
    for (const rounding of BOTH) {
      expect(applyOne(mean, axes, [x], { rounding, declared: to(0.5, 5) }).values).toEqual([11]);
      expect(applyOne(sum, axes, [x], { rounding, declared: to(2, -3) }).values).toEqual([3]);
    }
    const tie = codes([1, 4], [3, 3, 0, 0], 1, 0);
    const run = (rounding: Rounding, zeroPoint: number) =>
      applyOne(mean, axes, [tie], { rounding, declared: to(1, zeroPoint) }).values;
    // 1.5 + z: to the even sum under fp32, away from zero before adding z in the other rule.
    expect([run("fp32", 0), run("fp32", 1)]).toEqual([[2], [2]]);
    expect([run("tflite-reference", 0), run("tflite-reference", 1)]).toEqual([[2], [3]]);
  });

  test("sum and truncate int32", () => {
    const x = tensor(typeOf(int32, [1, 2]), [-3, -4]);
    expect(applyOne(sum, axes, [x]).values).toEqual([-7]);
    expect(applyOne(mean, axes, [x]).values).toEqual([-3]);
  });

  test("refuse axes out of range or twice, and sums past int32", () => {
    const x = codes([2, 2], [1, 2, 3, 4]);
    for (const bad of [[2], [-3], [0, -2]]) {
      expect(() => apply(mean, { axes: bad, keepDims: true }, [x])).toThrow(ShapeError);
    }
    const long = { format: int8, shape: [1, 2 ** 23], quantization: perTensor(1, 0) };
    expect(() => mean.infer([long], axes, to(1), [undefined])).toThrow(UnsupportedError);
  });
});

describe("Softmax", () => {
  const fixed = to(1 / 256, -128);

  test("shares 256 steps over a row", () => {
    for (const rounding of BOTH) {
      const options = { rounding, declared: fixed };
      const x = codes([2, 2], [5, 5, 0, Math.round(Math.log(3) / 0.01)], 0.01);
      expect(applyOne(softmax, { beta: 1 }, [x], options).values).toEqual([0, 0, -64, 64]);
      // A share of 1 is 256 steps, which saturates.
      const one = codes([1, 1], [77], 0.01);
      expect(applyOne(softmax, { beta: 1 }, [one], options).values).toEqual([127]);
    }
  });

  test("stays within one code of exact arithmetic", () => {
    const row = [-128, -60, -3, 0, 40, 90, 127];
    for (const scale of [0.003, 0.05, 0.4]) {
      const powers = row.map((code) => Math.exp(code * scale));
      const total = powers.reduce((a, b) => a + b);
      for (const rounding of BOTH) {
        const options = { rounding, declared: fixed };
        const { values } = applyOne(softmax, { beta: 1 }, [codes([7], row, scale)], options);
        powers.forEach((power, i) => {
          const exact = Math.min((256 * power) / total - 128, 127);
          expect(Math.abs(Number(values[i]) - exact)).toBeLessThan(0.51);
        });
      }
    }
  });

  test("gives 0 to flat rows of 512 and more, where TFLite's reference kernel aborts", () => {
    const x = codes([1, 600], Array<number>(600).fill(3), 0.1);
    const options = { rounding: "tflite-reference", declared: fixed } as const;
    const values = new Set(applyOne(softmax, { beta: 1 }, [x], options).values);
    expect(values).toEqual(new Set([-128]));
  });

  test("divides float powers by their sum", () => {
    const { values } = applyOne(softmax, { beta: 2 }, [floats([1, 2], [0, Math.log(2)])]);
    expect(values[0]).toBeCloseTo(0.2, 6);
    expect(values[1]).toBeCloseTo(0.8, 6);
    const huge = applyOne(softmax, { beta: 1 }, [floats([1, 2], [1000, 0])]);
    expect(huge.values).toEqual([1, 0]);
  });

  test("refuses beta that is not finite, other output scales and a beta of 0 on 8 bits", () => {
    const x = codes([1, 2], [1, 2], 0.1);
    const run =
      (beta: number, declared = fixed) =>
      () =>
        apply(softmax, { beta }, [x], { declared });
    expect(run(NaN)).toThrow(ModelError);
    expect(run(Infinity)).toThrow(ModelError);
    expect(run(0)).toThrow(QuantizationError);
    expect(run(1, to(1 / 128, -128))).toThrow(QuantizationError);
  });
});
