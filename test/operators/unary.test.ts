/** One-input operators: tables, fixed outputs, ranges; Quantize and Dequantize. */
import { describe, expect, test } from "vitest";
import { ModelError, QuantizationError } from "../../src/errors.ts";
import { float16, float32, int4, int8, uint8 } from "../../src/formats/index.ts";
import {
  dequantize,
  elu,
  gelu,
  hardSwish,
  leakyRelu,
  logistic,
  quantize,
  relu,
  relu6,
  reluN1To1,
  sqrt,
  tanh,
  type TableOperator,
} from "../../src/operators/index.ts";
import { perChannel, perTensor, type Rounding } from "../../src/quantization/index.ts";
import type { Tensor, TensorType } from "../../src/tensor/index.ts";
import { apply, applyOne, tensor, typeOf } from "./apply.ts";

const BOTH: readonly Rounding[] = ["fp32", "tflite-reference"];
const ALL_CODES = Array.from({ length: 256 }, (_, i) => i - 128);

function codes(values: number[], scale: number, zeroPoint = 0): Tensor {
  return tensor(typeOf(int8, [values.length], perTensor(scale, zeroPoint)), values);
}

function floats(...values: number[]): Tensor {
  return tensor(typeOf(float32, [values.length]), values);
}

function to(scale: number, zeroPoint = 0): TensorType[] {
  return [typeOf(int8, [], perTensor(scale, zeroPoint))];
}

interface Case {
  readonly operator: TableOperator<never>;
  readonly attributes?: unknown;
  readonly real: (x: number) => number;
  readonly output: readonly [scale: number, zeroPoint: number];
  /** Steps by which the 8-bit rule may miss the nearest code. */
  readonly slack: number;
}

/** erf by its series: the test's own. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

const CASES: readonly Case[] = [
  {
    operator: logistic,
    real: (x) => 1 / (1 + Math.exp(-x)),
    output: [1 / 256, -128],
    slack: 0.501,
  },
  { operator: tanh, real: Math.tanh, output: [1 / 128, 0], slack: 0.501 },
  {
    operator: elu,
    real: (x) => (x < 0 ? Math.expm1(x) : x),
    output: [0.03, -80],
    slack: 0.501,
  },
  {
    operator: gelu,
    attributes: { approximate: false },
    real: (x) => (Math.abs(x) > 4 ? Math.max(x, 0) : (x / 2) * (1 + erf(x / Math.SQRT2))),
    output: [0.03, -100],
    slack: 0.51,
  },
  {
    operator: gelu,
    attributes: { approximate: true },
    real: (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))),
    output: [0.03, -100],
    slack: 0.501,
  },
  {
    operator: hardSwish,
    real: (x) => (x * Math.min(Math.max(x + 3, 0), 6)) / 6,
    output: [0.03, -100],
    slack: 1,
  },
  { operator: relu, real: (x) => Math.max(x, 0), output: [0.03, -100], slack: 0.501 },
  {
    operator: relu6,
    real: (x) => Math.min(Math.max(x, 0), 6),
    output: [0.03, -100],
    slack: 0.501,
  },
  {
    operator: reluN1To1,
    real: (x) => Math.min(Math.max(x, -1), 1),
    output: [0.01, 3],
    slack: 0.51,
  },
  {
    operator: leakyRelu,
    attributes: { alpha: 0.2 },
    real: (x) => (x < 0 ? x * 0.2 : x),
    output: [0.05, 0],
    slack: 0.7,
  },
  {
    operator: leakyRelu,
    attributes: { alpha: -0.2 },
    real: (x) => (x < 0 ? x * -0.2 : x),
    output: [0.05, 0],
    slack: 0.7,
  },
];

describe.each(CASES)("$operator.name $attributes", (row) => {
  const { operator, real, output, slack } = row;
  const attributes = (row.attributes ?? {}) as never;
  const [scale, zeroPoint] = output;

  test.each(BOTH)("gives the code near the real value for every input code, %s", (rounding) => {
    const x = codes(ALL_CODES, 0.04, -5);
    const options = { rounding, declared: to(scale, zeroPoint) };
    const { values } = applyOne(operator, attributes, [x], options);
    ALL_CODES.forEach((code, i) => {
      const exact = real(0.04 * (code + 5)) / scale + zeroPoint;
      const clamped = Math.min(Math.max(exact, -128), 127);
      expect(Math.abs(Number(values[i]) - clamped), `code ${code}`).toBeLessThanOrEqual(slack);
    });
  });

  test.each(BOTH)("has one table for int8 and uint8, the top bit flipped, %s", (rounding) => {
    const signed = operator.table(
      typeOf(int8, [], perTensor(0.04, -5)),
      to(scale, zeroPoint)[0]!,
      attributes,
      rounding,
    );
    const unsigned = operator.table(
      typeOf(uint8, [], perTensor(0.04, 123)),
      typeOf(uint8, [], perTensor(scale, zeroPoint + 128)),
      attributes,
      rounding,
    );
    expect(Array.from(unsigned)).toEqual(Array.from(signed.keys(), (i) => signed[i ^ 128]! ^ 128));
  });

  test("is within a few float32 steps of the real value", () => {
    const xs = Array.from({ length: 400 }, (_, i) => Math.fround((i - 200) * 0.0371));
    const { values } = applyOne(operator, attributes, [floats(...xs)]);
    xs.forEach((x, i) => {
      const distance = Math.abs(Number(values[i]) - real(x));
      // The series of the test's own erf cancels near 4.
      expect(distance, `${x}`).toBeLessThan(operator.name === "Gelu" ? 2e-4 : 1e-6);
    });
  });
});

describe("fixed outputs", () => {
  test("are required of Logistic and Tanh on 8 bits", () => {
    const x = codes([1], 0.1);
    expect(() => apply(logistic, {}, [x], { declared: to(1 / 256, -127) })).toThrow(
      QuantizationError,
    );
    expect(() => apply(tanh, {}, [x], { declared: to(1 / 256, 0) })).toThrow(QuantizationError);
  });
});

describe("special values", () => {
  test("of floats pass through relu and are NaN under the root", () => {
    const x = floats(NaN, -1, 4);
    expect(applyOne(relu, {}, [x]).values).toEqual([NaN, 0, 4]);
    expect(applyOne(sqrt, {}, [x]).values).toEqual([NaN, NaN, 2]);
  });

  test("give the lowest code on 8 bits", () => {
    const { values } = applyOne(sqrt, {}, [codes([-4, 0, 4], 1)], { declared: to(1, 10) });
    expect(values).toEqual([-128, 10, 12]);
  });

  test("of attributes are refused", () => {
    for (const alpha of [NaN, Infinity]) {
      expect(() => apply(leakyRelu, { alpha }, [floats(1)])).toThrow(ModelError);
    }
  });
});

test("LeakyRelu has 8 fraction bits under fp32, 31 bits under tflite-reference", () => {
  const x = codes([-126, -125, 126], 1);
  const run = (rounding: Rounding) =>
    applyOne(leakyRelu, { alpha: 0.3 }, [x], { rounding, declared: to(1) }).values;
  // RNE(256 · 0.3) = 77: −126 · 77 / 256 = −37.9, −125 · 77 / 256 = −37.6; exactly −37.8, −37.5.
  expect(run("fp32")).toEqual([-38, -38, 126]);
  const quarters = codes([-126, -6], 1);
  const slope = (rounding: Rounding) =>
    applyOne(leakyRelu, { alpha: 0.25 }, [quarters], { rounding, declared: to(1) }).values;
  // Ties: upward, and away from zero.
  expect(slope("fp32")).toEqual([-31, -1]);
  expect(slope("tflite-reference")).toEqual([-32, -2]);
});

describe("Quantize", () => {
  test("rounds real ties to even under fp32, away from zero under tflite-reference", () => {
    const x = floats(0.25, 0.75, -0.25, -1.25, 1e9, -1e9, NaN, Infinity);
    const run = (rounding: Rounding) =>
      applyOne(quantize, {}, [x], { rounding, declared: to(0.5, 1) }).values;
    expect(run("fp32")).toEqual([1, 3, 1, -1, 127, -128, -128, 127]);
    expect(run("tflite-reference")).toEqual([2, 3, 0, -2, 127, -128, -128, 127]);
  });

  test("rescales codes, ties upward under fp32, away from zero under tflite-reference", () => {
    const x = codes([-6, -2, 2, 6, 127], 0.25);
    const run = (rounding: Rounding) =>
      applyOne(quantize, {}, [x], { rounding, declared: to(1) }).values;
    expect(run("fp32")).toEqual([-1, 0, 1, 2, 32]);
    expect(run("tflite-reference")).toEqual([-2, -1, 1, 2, 32]);
  });

  test.each(BOTH)("flips the top bit between int8 and uint8 of one scale, %s", (rounding) => {
    const x = codes(ALL_CODES, 0.37, -11);
    const declared = [typeOf(uint8, [], perTensor(0.37, 117))];
    const { values } = applyOne(quantize, {}, [x], { rounding, declared });
    expect(values).toEqual(ALL_CODES.map((code) => code + 128));
  });

  test("refuses an output without scale and float outputs", () => {
    const run = (declared: TensorType) => () =>
      apply(quantize, {}, [floats(1)], { declared: [declared] });
    expect(run(typeOf(int8, []))).toThrow(QuantizationError);
    expect(run(typeOf(float32, []))).toThrow(ModelError);
  });
});

describe("Dequantize", () => {
  const declared = [typeOf(float32, [])];

  test("multiplies by the scale of the tensor or of the channel", () => {
    expect(applyOne(dequantize, {}, [codes([-128, 3, 127], 0.5, 3)], { declared }).values).toEqual([
      -65.5, 0, 62,
    ]);
    const x = tensor(typeOf(int8, [2, 2], perChannel([1, 10], [0, 1], 1)), [1, 2, 3, 4]);
    expect(applyOne(dequantize, {}, [x], { declared }).values).toEqual([1, 10, 3, 30]);
  });

  test("reads packed 4-bit codes and half-precision floats", () => {
    const packed = tensor(typeOf(int4, [3], perTensor(2, 0)), [0x8f, 0x07]);
    expect(applyOne(dequantize, {}, [packed], { declared }).values).toEqual([-2, -16, 14]);
    const halves = tensor(typeOf(float16, [2]), [0x3c00, 0xc100]);
    expect(applyOne(dequantize, {}, [halves], { declared }).values).toEqual([1, -2.5]);
  });

  test("refuses a number of scales other than that of the channels", () => {
    const x = tensor(typeOf(int8, [2, 3], perChannel([1, 1], [0, 0], 1)), []);
    expect(() => apply(dequantize, {}, [x], { declared })).toThrow(QuantizationError);
  });
});
