/** Pad: results by hand, properties, and every rule that infer checks. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ModelError, QuantizationError, ResourceError, ShapeError } from "../../src/errors.ts";
import { float32, int64, int8 } from "../../src/formats/index.ts";
import { pad, slice } from "../../src/operators/index.ts";
import { perTensor } from "../../src/quantization/index.ts";
import { apply, applyOne, counting, tensor, typeOf } from "./apply.ts";

/** Shapes of up to four axes, extents of 0 included. */
const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 });

describe("pad", () => {
  it("borders with real 0, which is the zero point of codes", () => {
    const x = tensor(typeOf(int8, [1, 2], perTensor(0.5, -7)), [1, 2]);
    const paddings = [
      [1, 0],
      [1, 2],
    ] as const;
    expect(applyOne(pad, { paddings }, [x])).toEqual({
      shape: [2, 5],
      values: [-7, -7, -7, -7, -7, -7, 1, 2, -7, -7],
    });
    expect(applyOne(pad, { paddings: [[1, 1]] }, [counting([1], float32)]).values).toEqual([
      0, 0, 0,
    ]);
  });

  it("borders with a given value", () => {
    const x = counting([2], int64);
    const value = tensor(typeOf(int64, [1]), [-(2n ** 40n)]);
    expect(applyOne(pad, { paddings: [[1, 1]] }, [x, value]).values).toEqual([
      -(2n ** 40n),
      0n,
      1n,
      -(2n ** 40n),
    ]);
  });

  it("is undone by a slice", () => {
    fc.assert(
      fc.property(shapes, fc.infiniteStream(fc.nat(3)), (shape, amounts) => {
        const paddings = shape.map(() => [amounts.next().value!, amounts.next().value!] as const);
        const x = counting(shape);
        const padded = apply(pad, { paddings }, [x])[0]!;
        const begin = paddings.map(([before]) => before);
        expect(apply(slice, { begin, size: shape }, [padded])[0]).toEqual(x);
        expect([...padded.data].reduce<number>((sum, v) => sum + Number(v), 0)).toBe(
          [...x.data].reduce<number>((sum, v) => sum + Number(v), 0),
        );
      }),
    );
  });

  it("refuses negative, missing and enormous borders, and values that do not fit", () => {
    const x = counting([2]);
    expect(() => apply(pad, { paddings: [[-1, 0]] }, [x])).toThrow(ShapeError);
    expect(() => apply(pad, { paddings: [[0, 0.5]] }, [x])).toThrow(ShapeError);
    expect(() => apply(pad, { paddings: [] }, [x])).toThrow(ShapeError);
    expect(() => apply(pad, { paddings: [[0, 2 ** 31]] }, [x])).toThrow(ResourceError);
    expect(() => apply(pad, { paddings: [[0, 2 ** 53]] }, [x])).toThrow(ShapeError);
    expect(() => apply(pad, { paddings: [[1, 1]] }, [x, counting([2])])).toThrow(ShapeError);
    expect(() => apply(pad, { paddings: [[1, 1]] }, [x, counting([], int8)])).toThrow(ModelError);
    const a = tensor(typeOf(int8, [1], perTensor(1, 0)), [1]);
    const b = tensor(typeOf(int8, [], perTensor(2, 0)), [1]);
    expect(() => apply(pad, { paddings: [[1, 1]] }, [a, b])).toThrow(QuantizationError);
  });
});
