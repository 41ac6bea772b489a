/** Operators that take elements apart and put them together: slices, parts, stacks. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ModelError, QuantizationError, ShapeError } from "../../src/errors.ts";
import { int8 } from "../../src/formats/index.ts";
import { pack, slice, split, stridedSlice, unpack } from "../../src/operators/index.ts";
import { perTensor } from "../../src/quantization/index.ts";
import { apply, applyOne, counting, tensor, typeOf } from "./apply.ts";

/** Shapes of up to four axes, extents of 0 included. */
const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 });

/** No masks. */
const whole = { beginMask: 0, endMask: 0, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 };

describe("slice", () => {
  it("takes a box", () => {
    const x = counting([3, 4]);
    expect(applyOne(slice, { begin: [1, 2], size: [2, -1] }, [x])).toEqual({
      shape: [2, 2],
      values: [6, 7, 10, 11],
    });
    expect(applyOne(slice, { begin: [3, 0], size: [-1, 4] }, [x]).shape).toEqual([0, 4]);
  });

  it("refuses boxes that leave the input", () => {
    const cases: [number[], number[]][] = [
      [[0], [1]],
      [
        [0, 0],
        [1, 5],
      ],
      [
        [-1, 0],
        [1, 1],
      ],
      [
        [4, 0],
        [-1, 1],
      ],
      [
        [0, 0],
        [-2, 1],
      ],
      [
        [0, 3],
        [1, 2],
      ],
      [
        [0.5, 0],
        [1, 1],
      ],
    ];
    for (const [begin, size] of cases) {
      expect(() => apply(slice, { begin, size }, [counting([3, 4])])).toThrow(ShapeError);
    }
  });
});

describe("strided slice", () => {
  const taken = (shape: number[], attributes: Partial<Parameters<typeof stridedSlice.infer>[1]>) =>
    applyOne(stridedSlice, { ...whole, begin: [], end: [], strides: [], ...attributes }, [
      counting(shape),
    ]);

  it("goes forward and backward, with positions clamped to the axis", () => {
    const one = (begin: number, end: number, stride: number, extent = 6) =>
      taken([extent], { begin: [begin], end: [end], strides: [stride] }).values;
    expect(one(1, 5, 2)).toEqual([1, 3]);
    expect(one(-2, 100, 1)).toEqual([4, 5]);
    expect(one(-100, 2, 1)).toEqual([0, 1]);
    expect(one(4, -100, -3)).toEqual([4, 1]);
    expect(one(100, 2, -1)).toEqual([5, 4, 3]);
    expect(one(3, 3, 1)).toEqual([]);
    expect(one(4, 2, 1)).toEqual([]);
    expect(one(2, 4, -1)).toEqual([]);
    expect(one(0, 9, 1, 0)).toEqual([]);
    expect(one(-1, -9, -1, 0)).toEqual([]);
  });

  it("ignores masked ends", () => {
    const masked = (stride: number) =>
      taken([4], { begin: [2], end: [2], strides: [stride], beginMask: 1, endMask: 1 }).values;
    expect(masked(1)).toEqual([0, 1, 2, 3]);
    expect(masked(-2)).toEqual([3, 1]);
  });

  it("removes, adds and skips axes", () => {
    // x[1, ..., newaxis, 1:3]
    const attributes = {
      begin: [1, 0, 0, 1],
      end: [2, 0, 0, 3],
      strides: [1, 1, 1, 1],
      shrinkAxisMask: 1,
      ellipsisMask: 2,
      newAxisMask: 4,
    };
    expect(taken([2, 2, 3], attributes)).toEqual({
      shape: [2, 1, 2],
      values: [7, 8, 10, 11],
    });
    // Axes that are not spoken of are whole; an ellipsis may stand for none.
    expect(taken([2, 3], { begin: [-1], end: [0], strides: [1], shrinkAxisMask: 1 })).toEqual({
      shape: [3],
      values: [3, 4, 5],
    });
    const none = { begin: [0, 0], end: [0, 1], strides: [1, 1], ellipsisMask: 1 };
    expect(taken([3], none)).toEqual({ shape: [1], values: [0] });
  });

  it("refuses stride 0, too many entries, an index outside, two ellipses", () => {
    const one = { begin: [0], end: [1], strides: [1] };
    const two = { begin: [0, 0], end: [1, 1], strides: [1, 1] };
    expect(() => taken([3], { ...one, strides: [0] })).toThrow(ModelError);
    expect(() => taken([3], { ...one, begin: [0.5] })).toThrow(ModelError);
    expect(() => taken([3], { ...one, strides: [1, 1] })).toThrow(ShapeError);
    expect(() => taken([3], { ...one, end: [] })).toThrow(ShapeError);
    expect(() => taken([3], two)).toThrow(ShapeError);
    expect(() => taken([3], { ...two, ellipsisMask: 3 })).toThrow(ModelError);
    expect(() => taken([3], { ...one, begin: [3], shrinkAxisMask: 1 })).toThrow(ShapeError);
    expect(() => taken([3], { ...one, begin: [-4], shrinkAxisMask: 1 })).toThrow(ShapeError);
    expect(() => taken([3], { ...one, strides: [-1], shrinkAxisMask: 1 })).toThrow(ModelError);
  });

  it("takes what an array slice and a step would", () => {
    const positions = fc.integer({ min: -7, max: 7 });
    const strides = fc.integer({ min: -3, max: 3 }).filter((stride) => stride !== 0);
    fc.assert(
      fc.property(fc.nat(5), positions, positions, strides, (extent, begin, end, stride) => {
        const { values } = taken([extent], { begin: [begin], end: [end], strides: [stride] });
        const place = (p: number) => (p < 0 ? p + extent : p);
        const expected: number[] = [];
        for (let i = 0; i < extent; i++) {
          const at = stride > 0 ? i : extent - 1 - i;
          // Start is the clamped begin; every |stride|-th index from there, short of end.
          const start = Math.min(
            Math.max(place(begin), stride > 0 ? 0 : -1),
            stride > 0 ? extent : extent - 1,
          );
          const steps = (at - start) / stride;
          const before = stride > 0 ? at < place(end) : at > place(end);
          if (Number.isInteger(steps) && steps >= 0 && before) expected.push(at);
        }
        expect(values).toEqual(expected);
      }),
    );
  });
});

describe("split, pack and unpack", () => {
  it("cut into equal parts", () => {
    const x = counting([2, 4]);
    const declared = [x.type, x.type];
    const parts = apply(split, { axis: -1, parts: 2 }, [x], { declared });
    expect(parts.map(({ data }) => [...data])).toEqual([
      [0, 1, 4, 5],
      [2, 3, 6, 7],
    ]);
    expect(parts[0]!.type.shape).toEqual([2, 2]);
  });

  it("stack and unstack along any axis", () => {
    const stacked = applyOne(pack, { axis: 1 }, [counting([2]), counting([2])]);
    expect(stacked).toEqual({ shape: [2, 2], values: [0, 0, 1, 1] });
    fc.assert(
      fc.property(shapes, fc.nat(4), fc.integer({ min: 1, max: 3 }), (shape, at, parts) => {
        const axis = at % (shape.length + 1);
        const x = counting(shape);
        const inputs = Array.from({ length: parts }, () => x);
        const stack = apply(pack, { axis }, inputs);
        const declared = inputs.map(({ type }) => type);
        expect(apply(unpack, { axis, parts }, stack, { declared })).toEqual(inputs);
      }),
    );
  });

  it("refuse parts that do not fit", () => {
    const x = counting([2, 3]);
    const splitting = (axis: number, parts: number, outputs = parts) =>
      apply(split, { axis, parts }, [x], { declared: Array(outputs).fill(x.type) });
    expect(() => splitting(0, 0, 0)).toThrow(ModelError);
    expect(() => splitting(0, -1, 0)).toThrow(ModelError);
    expect(() => splitting(0, 3, 2)).toThrow(ModelError);
    expect(() => splitting(1, 2)).toThrow(ShapeError);
    expect(() => splitting(2, 1)).toThrow(ShapeError);
    const unpacking = (axis: number, parts: number, outputs = parts) =>
      apply(unpack, { axis, parts }, [x], { declared: Array(outputs).fill(x.type) });
    expect(() => unpacking(0, 3)).toThrow(ShapeError);
    expect(() => unpacking(0, 2, 1)).toThrow(ModelError);
    expect(() => unpacking(2, 1)).toThrow(ShapeError);
    expect(() => apply(pack, { axis: 0 }, [x, counting([3, 2])])).toThrow(ShapeError);
    expect(() => apply(pack, { axis: 0 }, [x, counting([2, 3], int8)])).toThrow(ModelError);
    expect(() => apply(pack, { axis: 3 }, [x])).toThrow(ShapeError);
    const a = tensor(typeOf(int8, [1], perTensor(1, 0)), [1]);
    const b = tensor(typeOf(int8, [1], perTensor(2, 0)), [1]);
    expect(() => apply(pack, { axis: 0 }, [a, b])).toThrow(QuantizationError);
  });
});
