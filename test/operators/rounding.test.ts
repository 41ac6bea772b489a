/** Known answers of the rounding primitives and of requantisation: docs/exactness.md, sections 2 and 3.5. */
import { expect, test } from "vitest";
import { int32, int4, int8 } from "../../src/formats/index.ts";
import { conv2D, fullyConnected } from "../../src/operators/index.ts";
import {
  f32,
  multiplyByQuantizedMultiplier,
  perTensor,
  quantizeMultiplier,
  roundHalfAway,
  roundingDivideByPowerOfTwo,
  saturatingRoundingDoublingHighMul,
} from "../../src/quantization/index.ts";
import { apply, tensor, typeOf } from "./apply.ts";

test("the fixed-point form of a multiplier keeps 31 bits and an exponent", () => {
  expect(quantizeMultiplier(1)).toEqual({ q: 1073741824, exponent: 1 });
  expect(quantizeMultiplier(0.0072474)).toEqual({ q: 1992150143, exponent: -7 });
  expect(quantizeMultiplier(2 ** -31)).toEqual({ q: 1073741824, exponent: -30 });
  expect(quantizeMultiplier(2 ** -33)).toEqual({ q: 0, exponent: 0 });
  expect(quantizeMultiplier(1 - 2 ** -33)).toEqual({ q: 1073741824, exponent: 1 });
});

test("the doubling high product rounds ties upward and saturates one pair", () => {
  const half = 2 ** 30;
  const products = [1, -1, 3, -3].map((x) => saturatingRoundingDoublingHighMul(x, half));
  expect(products).toEqual([1, 0, 2, -1]);
  expect(saturatingRoundingDoublingHighMul(-(2 ** 31), -(2 ** 31))).toBe(2 ** 31 - 1);
});

test("division by a power of two rounds ties away from zero", () => {
  const cases = [
    [3, 1, 2],
    [-3, 1, -2],
    [-1, 1, -1],
    [5, 2, 1],
    [6, 2, 2],
    [-6, 2, -2],
    [-5, 2, -1],
  ] as const;
  for (const [x, k, y] of cases) expect(roundingDivideByPowerOfTwo(x, k)).toBe(y);
});

test("rounding away from zero is exact just below a half", () => {
  expect(roundHalfAway(0.49999999999999994)).toBe(0);
  expect([0.5, -0.5, 1.5, -2.5].map(roundHalfAway)).toEqual([1, -1, 2, -3]);
});

/** Scales of one input channel, and codes per accumulator under fp32, double rounding and float64. */
const VECTORS = [
  {
    scales: [0.0235, 0.0041, 0.83],
    bits: 0x38f3724e,
    fixed: { q: 2042177241, exponent: -13 },
    codes: [
      [4307, 0, 1],
      [-21536, -2, -3],
    ],
  },
  {
    scales: [0.007843138, 0.0039215689, 0.0235],
    bits: 0x3aab8ce8,
    fixed: { q: 1439069157, exponent: -9 },
    codes: [
      [27887, 36, 37],
      [-29415, -38, -39],
    ],
  },
] as const;

test.each(VECTORS)("the rules differ on known accumulators for scales $scales", (vector) => {
  const [x, w, y] = vector.scales.map(f32) as [number, number, number];
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, f32(f32(x * w) / y));
  expect(bits.getUint32(0)).toBe(vector.bits);
  expect(quantizeMultiplier((x * w) / y)).toEqual(vector.fixed);

  for (const [accumulator, fp32, double] of vector.codes) {
    expect(multiplyByQuantizedMultiplier(accumulator, vector.fixed)).toBe(double);
    // One product of 1, the rest is the bias.
    const inputs = [
      tensor(typeOf(int8, [1, 1, 1, 1], perTensor(x, 0)), [1]),
      tensor(typeOf(int8, [1, 1, 1, 1], perTensor(w, 0)), [1]),
      tensor(typeOf(int32, [1]), [accumulator - 1]),
    ];
    const declared = [typeOf(int8, [], perTensor(y, 0))];
    const window = { strides: [1, 1], dilations: [1, 1], padding: "valid" } as const;
    const convolve = (rounding: "fp32" | "tflite-reference"): unknown => {
      const options = { rounding, declared, constants: [1, 2] };
      const [result] = apply(conv2D, { ...window, activation: "none" }, inputs, options);
      return result!.data[0];
    };
    expect(convolve("fp32")).toBe(fp32);
    expect(convolve("tflite-reference")).toBe(double);

    // Fully connected layers round once, in float64, under tflite-reference.
    const weights = tensor(typeOf(int8, [1, 1], perTensor(w, 0)), [1]);
    const [connected] = apply(
      fullyConnected,
      { activation: "none", keepDims: false },
      [inputs[0], weights, inputs[2]],
      { rounding: "tflite-reference", declared, constants: [1, 2] },
    );
    expect(connected!.data[0]).toBe(fp32);
  }
});

test("4-bit weights under fp32 round as TFLite's own kernel: twice, the second tie upward", () => {
  const weights = tensor(typeOf(int4, [1, 1, 1, 1], perTensor(0.5, 0)), [1]);
  const code = (accumulator: number, rounding: "fp32" | "tflite-reference"): unknown => {
    const inputs = [
      tensor(typeOf(int8, [1, 1, 1, 1], perTensor(0.5, 0)), [accumulator]),
      weights,
      undefined,
    ];
    const [y] = apply(
      conv2D,
      { strides: [1, 1], dilations: [1, 1], padding: "valid", activation: "none" },
      inputs,
      { rounding, declared: [typeOf(int8, [], perTensor(1, 0))], constants: [1] },
    );
    return y!.data[0];
  };
  // acc / 4: −2 / 4 and 2 / 4 are ties.
  expect([-6, -2, 2, 6].map((acc) => code(acc, "fp32"))).toEqual([-1, 0, 1, 2]);
  expect([-6, -2, 2, 6].map((acc) => code(acc, "tflite-reference"))).toEqual([-2, -1, 1, 2]);
});
