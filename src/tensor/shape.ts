import { ResourceError, ShapeError } from "../errors.ts";

/** Extents, outermost first. A scalar has shape []. */
export type Shape = readonly number[];

/** Largest number of elements of one tensor. */
export const MAX_ELEMENTS = 2 ** 31 - 1;
export const MAX_RANK = 8;

/** Product of the extents; refuses negative extents, ranks above 8 and more than 2^31 − 1 elements. */
export function elementCount(shape: Shape): number {
  if (shape.length > MAX_RANK) throw new ResourceError("rank", MAX_RANK, shape.length);
  let empty = false;
  for (const extent of shape) {
    if (!Number.isInteger(extent) || extent < 0) {
      throw new ShapeError(`expected extents that are integers ≥ 0, got [${shape.join(", ")}]`);
    }
    if (extent === 0) empty = true;
  }
  if (empty) return 0;
  let count = 1;
  for (const extent of shape) {
    count *= extent;
    if (count > MAX_ELEMENTS)
      throw new ResourceError("elements of one tensor", MAX_ELEMENTS, count);
  }
  return count;
}

/** Row-major strides in elements. */
export function rowMajorStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i]!;
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}

/** NumPy broadcasting of two shapes. */
export function broadcastShapes(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const result = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) {
      throw new ShapeError(
        `expected shapes that broadcast, got [${a.join(", ")}] and [${b.join(", ")}]`,
      );
    }
    result[i] = x === 1 ? y : x;
  }
  return result;
}

/** Strides of `shape` inside the broadcast `result`: 0 where an extent of 1 is repeated. */
export function broadcastStrides(shape: Shape, result: Shape): number[] {
  const strides = rowMajorStrides(shape);
  return result.map((_, i) => {
    const own = shape.length - result.length + i;
    return own < 0 || shape[own] === 1 ? 0 : strides[own]!;
  });
}

/** An axis in [−rank, rank) as a non-negative index. */
export function normalizeAxis(axis: number, rank: number, what = "axis"): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new ShapeError(`expected ${what} in [${-rank}, ${rank}), got ${axis}`);
  }
  return axis < 0 ? axis + rank : axis;
}
