/** Add, Sub, Mul, Div, FloorDiv, Maximum, Minimum and PRelu on cases computed by hand. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InputError, ModelError, QuantizationError, ShapeError } from "../../src/errors.ts";
import { float32, int32, int64, int8, uint8 } from "../../src/formats/index.ts";
import {
  add,
  addConstants,
  div,
  floorDiv,
  maximum,
  minimum,
  mul,
  prelu,
  sub,
} from "../../src/operators/index.ts";
import { perTensor, type Rounding } from "../../src/quantization/index.ts";
import type { Shape, Tensor } from "../../src/tensor/index.ts";
import { apply, applyOne, tensor, typeOf } from "./apply.ts";

const none = { activation: "none" } as const;
const BOTH: readonly Rounding[] = ["fp32", "tflite-reference"];

function codes(values: number[], scale = 1, zeroPoint = 0, shape: Shape = [values.length]): Tensor {
  return tensor(typeOf(int8, shape, perTensor(scale, zeroPoint)), values);
}

function floats(...values: number[]): Tensor {
  return tensor(typeOf(float32, [values.length]), values);
}

function integers(...values: number[]): Tensor {
  return tensor(typeOf(int32, [values.length]), values);
}

function longs(...values: bigint[]): Tensor {
  return tensor(typeOf(int64, [values.length]), values);
}

/** Output of scale and zero point. */
function to(scale: number, zeroPoint = 0) {
  return [typeOf(int8, [], perTensor(scale, zeroPoint))];
}

describe("Add and Sub", () => {
  test("round ties upward under fp32, away from zero under tflite-reference", () => {
    const a = codes([-3, -1, 1, 3]);
    const b = codes([0, 0, 0, 0]);
    const run = (rounding: Rounding) =>
      applyOne(add, none, [a, b], { rounding, declared: to(2) }).values;
    expect(run("fp32")).toEqual([-1, 0, 1, 2]);
    expect(run("tflite-reference")).toEqual([-2, -1, 1, 2]);
  });

  test("bring operands of different scale and zero point together", () => {
    for (const rounding of BOTH) {
      const options = { rounding, declared: to(0.5, 10) };
      const inputs = [codes([1, 5], 2, 1), codes([-4, 4], 0.5, -2)];
      // 0 − 1 and 8 + 3; 0 + 1 and 8 − 3; in halves.
      expect(applyOne(add, none, inputs, options).values).toEqual([8, 32]);
      expect(applyOne(sub, none, inputs, options).values).toEqual([12, 20]);
    }
  });

  test("use 21-bit multipliers inside the ratios of XNNPACK, fixed point outside", () => {
    const rule = (a: number, b: number): string =>
      addConstants(codes([], a).type, codes([], b).type, to(1)[0]!, 1, "none", "fp32").rule;
    expect([rule(2 ** -10, 1), rule(255, 1)]).toEqual(["shift", "shift"]);
    expect([rule(2 ** -11, 1), rule(1, 256)]).toEqual(["fixed", "fixed"]);
    const type = codes([]).type;
    expect(addConstants(type, type, to(2)[0]!, -1, "none", "fp32")).toMatchObject({
      a: 2 ** 20,
      b: -(2 ** 20),
      shift: 21,
    });
  });

  test("stay within one code of exact arithmetic", () => {
    const scale = fc.double({ min: 0.001, max: 0.1, noNaN: true }).map(Math.fround);
    const code = fc.integer({ min: -128, max: 127 });
    fc.assert(
      fc.property(scale, scale, scale, code, code, code, (sa, sb, sy, p, q, z) => {
        const exact = Math.min(Math.max((p * sa + q * sb) / sy + z, -128), 127);
        for (const rounding of BOTH) {
          const options = { rounding, declared: to(sy, z) };
          const [y] = applyOne(add, none, [codes([p], sa), codes([q], sb)], options).values;
          expect(Math.abs(Number(y) - exact)).toBeLessThan(0.5001);
        }
      }),
    );
  });

  test("broadcast both operands", () => {
    const a = tensor(typeOf(float32, [2, 1, 2]), [1, 2, 3, 4]);
    const b = tensor(typeOf(float32, [3, 1]), [10, 20, 30]);
    const { shape, values } = applyOne(sub, none, [a, b]);
    expect(shape).toEqual([2, 3, 2]);
    expect(values).toEqual([-9, -8, -19, -18, -29, -28, -7, -6, -17, -16, -27, -26]);
  });

  test("wrap int32 and int64, and clamp int32 to the activation", () => {
    expect(applyOne(add, none, [integers(2 ** 31 - 1), integers(1)]).values).toEqual([-(2 ** 31)]);
    const relu6 = { activation: "relu6" } as const;
    expect(applyOne(sub, relu6, [integers(3, 9, 1), integers(5, 1, 0)]).values).toEqual([0, 6, 1]);
    expect(applyOne(sub, none, [longs(-(2n ** 63n)), longs(1n)]).values).toEqual([2n ** 63n - 1n]);
  });

  test("refuse what does not broadcast, other formats, missing and extreme scales", () => {
    const a = codes([1, 2], 1, 0, [2]);
    const run =
      (b: Tensor, declared = to(1)) =>
      () =>
        apply(add, none, [a, b], { declared });
    expect(run(codes([1, 2, 3]))).toThrow(ShapeError);
    expect(run(floats(1, 2))).toThrow(ModelError);
    expect(run(tensor(typeOf(int8, [2]), []))).toThrow(QuantizationError);
    expect(run(codes([1, 2], 0))).toThrow(QuantizationError);
    expect(run(codes([1, 2], 1e30), to(1e-30))).toThrow(QuantizationError);
    expect(() => apply(add, none, [a])).toThrow(ModelError);
  });
});

describe("Mul", () => {
  test("rounds ties to even under fp32, away from zero under tflite-reference", () => {
    const inputs = [codes([2, 6, -2, -6]), codes([1, 1, 1, 1])];
    const run = (rounding: Rounding) =>
      applyOne(mul, none, inputs, { rounding, declared: to(4) }).values;
    expect(run("fp32")).toEqual([0, 2, 0, -2]);
    expect(run("tflite-reference")).toEqual([1, 2, -1, -2]);
  });

  test("takes the fixed-point form for multipliers that XNNPACK declines", () => {
    const inputs = [codes([127, -127]), codes([127, 127])];
    const tiny = { rounding: "fp32", declared: to(2 ** 17) } as const;
    expect(applyOne(mul, none, inputs, tiny).values).toEqual([0, 0]);
    const huge = { rounding: "fp32", declared: to(2 ** -9) } as const;
    expect(applyOne(mul, none, [codes([1, 0]), codes([-1, 1])], huge).values).toEqual([-128, 0]);
  });

  test("wraps int32 and int64", () => {
    expect(applyOne(mul, none, [integers(65537), integers(65537)]).values).toEqual([131073]);
    const wide = applyOne(mul, none, [longs(2n ** 62n), longs(3n)]);
    expect(wide.values).toEqual([-(2n ** 62n)]);
  });
});

describe("Div and FloorDiv", () => {
  test("divide codes to within one step, and saturate division by 0", () => {
    for (const rounding of BOTH) {
      const inputs = [codes([100, -100, 7, 1, -1, 0]), codes([7, 3, -2, 0, 0, 0])];
      const { values } = applyOne(div, none, inputs, { rounding, declared: to(0.5, 1) });
      expect(values).toEqual([30, -66, -6, 127, -128, 1]);
    }
  });

  test("truncate and floor int32", () => {
    const inputs = [integers(7, -7, 7), integers(2, 2, -2)];
    expect(applyOne(div, none, inputs).values).toEqual([3, -3, -3]);
    expect(applyOne(floorDiv, {}, inputs).values).toEqual([3, -4, -4]);
    expect(applyOne(floorDiv, {}, [longs(-7n, 8n), longs(2n, 2n)]).values).toEqual([-4n, 4n]);
  });

  test("refuse an integer divisor of 0 when they run, and follow IEEE on floats", () => {
    expect(() => apply(div, none, [integers(1), integers(0)])).toThrow(InputError);
    expect(() => apply(floorDiv, {}, [longs(1n), longs(0n)])).toThrow(InputError);
    expect(applyOne(div, none, [floats(1, -1, 0), floats(0, 0, 0)]).values).toEqual([
      Infinity,
      -Infinity,
      NaN,
    ]);
    expect(applyOne(floorDiv, {}, [floats(-7, 7.5), floats(2, 2)]).values).toEqual([-4, 3]);
  });
});

describe("Maximum and Minimum", () => {
  test("compare stored codes of one quantization", () => {
    const inputs = [codes([-5, 9], 0.1, 3), codes([2, 4], 0.1, 3)];
    expect(applyOne(maximum, {}, inputs).values).toEqual([2, 9]);
    expect(applyOne(minimum, {}, inputs).values).toEqual([-5, 4]);
    expect(() => apply(maximum, {}, [inputs[0], codes([1, 1], 0.2, 3)])).toThrow(QuantizationError);
  });

  test("give the second operand where a float is NaN", () => {
    expect(applyOne(maximum, {}, [floats(NaN, 1), floats(2, NaN)]).values).toEqual([2, NaN]);
    expect(applyOne(minimum, {}, [floats(NaN, 1), floats(2, NaN)]).values).toEqual([2, NaN]);
  });
});

describe("PRelu", () => {
  test("scales negative values by their channel's alpha", () => {
    const x = tensor(typeOf(int8, [1, 2, 2], perTensor(1, 1)), [11, -9, -9, 21]);
    const alpha = tensor(typeOf(int8, [1, 2], perTensor(0.25, 2)), [4, -2]);
    for (const rounding of BOTH) {
      // x1: 10, −10 / −10, 20; alpha: 0.5, −1.
      const { values } = applyOne(prelu, {}, [x, alpha], { rounding, declared: to(1, -3) });
      expect(values).toEqual([7, 7, -8, 17]);
    }
    expect(applyOne(prelu, {}, [floats(3, -4), floats(9, 0.5)]).values).toEqual([3, -2]);
  });

  test("refuses an alpha that would widen the input", () => {
    const alpha = tensor(typeOf(float32, [2, 2]), [1, 1, 1, 1]);
    expect(() => apply(prelu, {}, [floats(1, 2), alpha])).toThrow(ShapeError);
  });
});

test("uint8 operands are the int8 ones moved by 128", () => {
  const signed = [-128, -3, 0, 5, 127];
  const unsigned = (values: number[]): Tensor =>
    tensor(
      typeOf(uint8, [values.length], perTensor(0.1, 120)),
      values.map((v) => v + 128),
    );
  for (const rounding of BOTH) {
    for (const operator of [add, sub, mul, div]) {
      const options = { rounding, declared: to(0.3, -8) };
      const wide = { rounding, declared: [typeOf(uint8, [], perTensor(0.3, 120))] };
      const reversed = signed.toReversed();
      const expected = applyOne(
        operator,
        none,
        [codes(signed, 0.1, -8), codes(reversed, 0.1, -8)],
        options,
      ).values.map((v) => Number(v) + 128);
      const actual = applyOne(operator, none, [unsigned(signed), unsigned(reversed)], wide).values;
      expect(actual, operator.name).toEqual(expected);
    }
  }
});
