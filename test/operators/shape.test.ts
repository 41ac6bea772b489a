/** Operators that give elements another shape or order. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ModelError, ResourceError, ShapeError } from "../../src/errors.ts";
import {
  depthToSpace,
  expandDims,
  reshape,
  spaceToDepth,
  squeeze,
  transpose,
} from "../../src/operators/index.ts";
import { apply, applyOne, counting } from "./apply.ts";

/** Shapes of up to four axes, extents of 0 included. */
const shapes = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 4 });

describe("reshape", () => {
  const shaped = (from: readonly number[], shape: readonly number[]) =>
    applyOne(reshape, { shape }, [counting(from)]).shape;

  it("finds the one extent that is left free", () => {
    expect(shaped([2, 6], [3, -1])).toEqual([3, 4]);
    expect(shaped([2, 0], [-1, 3])).toEqual([0, 3]);
    expect(shaped([2, 0], [0, -1])).toEqual([0, 0]);
    expect(shaped([1], [])).toEqual([]);
    expect(shaped([], [-1])).toEqual([1]);
    // Old files say [0] for a scalar.
    expect(shaped([1, 1], [0])).toEqual([]);
    expect(shaped([0], [0])).toEqual([0]);
  });

  it("refuses two free extents, other counts and negative extents", () => {
    for (const shape of [[-1, -1], [5], [4, -1], [-2, 3], [2, 3.5], [0, -1]]) {
      expect(() => shaped([2, 3], shape)).toThrow(ShapeError);
    }
    expect(() => shaped([2, 3], [2 ** 16, 2 ** 16])).toThrow(ResourceError);
  });
});

describe("squeeze and expand dims", () => {
  it("remove and insert axes of extent 1", () => {
    const squeezed = (axes: number[], shape = [1, 2, 1]) =>
      applyOne(squeeze, { axes }, [counting(shape)]).shape;
    expect(squeezed([])).toEqual([2]);
    expect(squeezed([-1])).toEqual([1, 2]);
    expect(squeezed([0, 2])).toEqual([2]);
    expect(() => squeezed([1])).toThrow(ShapeError);
    expect(() => squeezed([3])).toThrow(ShapeError);
    expect(() => squeezed([0, -3])).toThrow(ShapeError);
    const expanded = (axis: number) => applyOne(expandDims, { axis }, [counting([2, 3])]).shape;
    expect([-3, 1, -1].map(expanded)).toEqual([
      [1, 2, 3],
      [2, 1, 3],
      [2, 3, 1],
    ]);
    expect(() => expanded(3)).toThrow(ShapeError);
    expect(() => expanded(-4)).toThrow(ShapeError);
  });
});

describe("transpose", () => {
  it("reorders axes", () => {
    expect(applyOne(transpose, { permutation: [2, 0, 1] }, [counting([1, 2, 3])])).toEqual({
      shape: [3, 1, 2],
      values: [0, 3, 1, 4, 2, 5],
    });
  });

  it("is undone by the inverse permutation", () => {
    const problem = shapes.chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }),
      ),
    );
    fc.assert(
      fc.property(problem, ([shape, permutation]) => {
        const x = counting(shape);
        const there = apply(transpose, { permutation }, [x]);
        const inverse = permutation.map((_, i) => permutation.indexOf(i));
        expect(apply(transpose, { permutation: inverse }, there)[0]).toEqual(x);
      }),
    );
  });

  it("refuses what is no permutation", () => {
    for (const permutation of [[0], [0, 0], [0, 2], [0, 1, 2], [0, -3], [0.5, 1]]) {
      expect(() => apply(transpose, { permutation }, [counting([2, 3])])).toThrow(ShapeError);
    }
  });
});

describe("space to depth and depth to space", () => {
  it("turn blocks of pixels into channels and back", () => {
    const x = counting([1, 2, 4, 1]);
    const deep = applyOne(spaceToDepth, { blockSize: 2 }, [x]);
    expect(deep).toEqual({ shape: [1, 1, 2, 4], values: [0, 1, 4, 5, 2, 3, 6, 7] });
    const extent = fc.integer({ min: 1, max: 3 });
    fc.assert(
      fc.property(extent, extent, extent, extent, extent, (n, h, w, c, blockSize) => {
        const image = counting([n, h * blockSize, w * blockSize, c]);
        const there = apply(spaceToDepth, { blockSize }, [image]);
        expect(there[0]!.type.shape).toEqual([n, h, w, c * blockSize ** 2]);
        expect(apply(depthToSpace, { blockSize }, there)[0]).toEqual(image);
      }),
    );
  });

  it("refuse block sizes that are 0 or do not divide", () => {
    const x = counting([1, 2, 4, 4]);
    for (const operator of [spaceToDepth, depthToSpace]) {
      for (const blockSize of [0, -2, 1.5]) {
        expect(() => apply(operator, { blockSize }, [x])).toThrow(ModelError);
      }
      expect(() => apply(operator, { blockSize: 3 }, [x])).toThrow(ShapeError);
      expect(() => apply(operator, { blockSize: 1 }, [counting([4, 4])])).toThrow(ShapeError);
    }
    expect(() => apply(spaceToDepth, { blockSize: 4 }, [x])).toThrow(ShapeError);
  });
});
