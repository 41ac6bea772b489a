/** Gather and GatherNd: results by hand, indices that are wrong at load and at run time. */
import { describe, expect, it } from "vitest";
import { InputError, ModelError, ShapeError } from "../../src/errors.ts";
import { float32, int16, int32, int64 } from "../../src/formats/index.ts";
import { gather, gatherNd } from "../../src/operators/index.ts";
import type { Shape } from "../../src/tensor/index.ts";
import { apply, applyOne, counting, tensor, typeOf } from "./apply.ts";

const indices = (shape: Shape, values: number[], format = int32) =>
  tensor(typeOf(format, shape), values);

describe("gather", () => {
  it("picks slices of an axis", () => {
    const x = counting([2, 3], int64);
    for (const format of [int16, int32, int64]) {
      const picks = indices([2, 2], [2, 0, 1, 1], format);
      expect(applyOne(gather, { axis: -1, batchDims: 0 }, [x, picks])).toEqual({
        shape: [2, 2, 2],
        values: [2n, 0n, 1n, 1n, 5n, 3n, 4n, 4n],
      });
    }
    expect(
      applyOne(gather, { axis: 0, batchDims: 0 }, [counting([2, 2]), indices([], [1])]),
    ).toEqual({
      shape: [2],
      values: [2, 3],
    });
  });

  it("picks for each batch its own", () => {
    const x = counting([2, 2, 3]);
    const picks = indices([2, 1], [2, 0]);
    expect(applyOne(gather, { axis: 2, batchDims: 1 }, [x, picks])).toEqual({
      shape: [2, 2, 1],
      values: [2, 5, 6, 9],
    });
    // Counted from the end of the indices' axes.
    const rows = indices([2, 1], [1, 0]);
    expect(applyOne(gather, { axis: 1, batchDims: -1 }, [x, rows])).toEqual({
      shape: [2, 1, 3],
      values: [3, 4, 5, 6, 7, 8],
    });
  });

  it("refuses a constant index outside at load, a computed one at run time", () => {
    for (const bad of [-1, 3]) {
      const inputs = [counting([3]), indices([1], [bad])];
      const attributes = { axis: 0, batchDims: 0 };
      expect(() => apply(gather, attributes, inputs, { constants: [1] })).toThrow(ModelError);
      expect(() => apply(gather, attributes, inputs)).toThrow(InputError);
    }
  });

  it("refuses axes and batches that do not fit, and indices that are no integers", () => {
    const x = counting([2, 3]);
    const gathering = (axis: number, batchDims: number, shape: Shape) => () =>
      apply(gather, { axis, batchDims }, [x, counting(shape)]);
    expect(gathering(2, 0, [1])).toThrow(ShapeError);
    expect(gathering(0, 1, [2])).toThrow(ShapeError);
    expect(gathering(1, 1, [3])).toThrow(ShapeError);
    expect(gathering(1, 2, [2, 3])).toThrow(ShapeError);
    expect(gathering(1, -2, [2])).toThrow(ShapeError);
    const floats = counting([1], float32);
    expect(() => apply(gather, { axis: 0, batchDims: 0 }, [x, floats])).toThrow(ModelError);
    expect(() => apply(gather, { axis: 0, batchDims: 0 }, [counting([]), counting([1])])).toThrow(
      ShapeError,
    );
  });
});

describe("gather nd", () => {
  it("picks elements and slices by tuples", () => {
    const x = counting([2, 3]);
    expect(applyOne(gatherNd, {}, [x, indices([2, 2], [1, 2, 0, 1])])).toEqual({
      shape: [2],
      values: [5, 1],
    });
    expect(applyOne(gatherNd, {}, [x, indices([1, 2, 1], [1, 0])])).toEqual({
      shape: [1, 2, 3],
      values: [3, 4, 5, 0, 1, 2],
    });
    expect(applyOne(gatherNd, {}, [x, indices([2, 0], [])]).shape).toEqual([2, 2, 3]);
  });

  it("refuses tuples that are too long or leave the tensor", () => {
    const x = counting([2, 3]);
    expect(() => apply(gatherNd, {}, [x, counting([1, 3])])).toThrow(ShapeError);
    expect(() => apply(gatherNd, {}, [x, counting([])])).toThrow(ShapeError);
    for (const tuple of [
      [2, 0],
      [0, 3],
      [-1, 0],
    ]) {
      const inputs = [x, indices([1, 2], tuple)];
      expect(() => apply(gatherNd, {}, inputs, { constants: [1] })).toThrow(ModelError);
      expect(() => apply(gatherNd, {}, inputs)).toThrow(InputError);
    }
  });
});
