/** Concatenation: results by hand, properties, and every rule that infer checks. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QuantizationError, ShapeError, UnsupportedError } from "../../src/errors.ts";
import { int8, uint8 } from "../../src/formats/index.ts";
import { concatenation, slice } from "../../src/operators/index.ts";
import { perTensor } from "../../src/quantization/index.ts";
import { apply, applyOne, counting, tensor, typeOf } from "./apply.ts";

/** Shapes of up to four axes, extents of 0 included. */
const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 });

describe("concatenation", () => {
  const along = (axis: number) => ({ axis, activation: "none" }) as const;

  it("puts tensors one after the other along an axis", () => {
    const inputs = [counting([2, 1]), counting([2, 2])];
    expect(applyOne(concatenation, along(-1), inputs)).toEqual({
      shape: [2, 3],
      values: [0, 0, 1, 1, 2, 3],
    });
    expect(applyOne(concatenation, along(0), [counting([1, 2]), counting([2, 2])])).toEqual({
      shape: [3, 2],
      values: [0, 1, 0, 1, 2, 3],
    });
    expect(applyOne(concatenation, along(0), [counting([3])]).values).toEqual([0, 1, 2]);
  });

  it("converts uint8 inputs of another scale as TFLite does", () => {
    const q = (scale: number, zeroPoint: number) => typeOf(uint8, [3], perTensor(scale, zeroPoint));
    const inputs = [tensor(q(1, 10), [10, 11, 255]), tensor(q(0.5, 0), [1, 3, 5])];
    // Real 0, 1, 245 and 0.5, 1.5, 2.5 in units of 1 with zero point 20: halves away from zero.
    expect(applyOne(concatenation, along(0), inputs, { declared: [q(1, 20)] }).values).toEqual([
      20, 21, 255, 21, 22, 23,
    ]);
    // Below the zero point: −0.5 is −1.
    const low = [tensor(q(0.5, 4), [3, 2, 1])];
    expect(applyOne(concatenation, along(0), low, { declared: [q(1, 20)] }).values).toEqual([
      19, 19, 18,
    ]);
  });

  it("refuses shapes that differ, an axis outside, other scales of int8, an activation", () => {
    const x = counting([2, 3]);
    expect(() => apply(concatenation, along(0), [x, counting([2, 2])])).toThrow(ShapeError);
    expect(() => apply(concatenation, along(0), [x, counting([3])])).toThrow(ShapeError);
    expect(() => apply(concatenation, along(2), [x, x])).toThrow(ShapeError);
    expect(() => apply(concatenation, along(0), [counting([])])).toThrow(ShapeError);
    const a = tensor(typeOf(int8, [1], perTensor(1, 0)), [1]);
    const b = tensor(typeOf(int8, [1], perTensor(2, 0)), [1]);
    expect(() => apply(concatenation, along(0), [a, b])).toThrow(QuantizationError);
    const unquantized = [tensor(typeOf(uint8, [1], perTensor(1, 0)), [1]), counting([1], uint8)];
    expect(() => apply(concatenation, along(0), unquantized)).toThrow(QuantizationError);
    expect(() => apply(concatenation, { axis: 0, activation: "relu" }, [x])).toThrow(
      UnsupportedError,
    );
  });

  it("gives back its parts when sliced", () => {
    fc.assert(
      fc.property(shapes, fc.nat(3), fc.nat(3), fc.nat(3), (shape, at, first, second) => {
        const axis = at % shape.length;
        const a = counting(shape.with(axis, first));
        const b = counting(shape.with(axis, second));
        const joined = apply(concatenation, along(axis), [a, b])[0]!;
        const begin = shape.map(() => 0);
        const left = apply(slice, { begin, size: [...a.type.shape] }, [joined])[0]!;
        const right = apply(slice, { begin: begin.with(axis, first), size: shape.map(() => -1) }, [
          joined,
        ])[0]!;
        expect(left.data).toEqual(a.data);
        expect(right).toEqual(b);
      }),
    );
  });
});
