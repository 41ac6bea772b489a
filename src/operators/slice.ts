/** A box of the input. */
import { ShapeError } from "../errors.ts";
import { rowMajorStrides } from "../tensor/index.ts";
import { checkCounts, describe, requireInput } from "./checks.ts";
import { movedType, movementOperator } from "./movement.ts";

export interface SliceAttributes {
  readonly begin: readonly number[];
  /** Extents; −1: to the end of the axis. */
  readonly size: readonly number[];
}

export const slice = movementOperator<SliceAttributes>({
  name: "Slice",
  infer(inputs, { begin, size }, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "a tensor");
    const rank = x.shape.length;
    if (begin.length !== rank || size.length !== rank) {
      throw new ShapeError(
        `expected begin and size of ${rank} axes, got ${begin.length} and ${size.length}`,
      );
    }
    const shape = x.shape.map((extent, axis) => {
      const from = begin[axis]!;
      const length = size[axis] === -1 ? extent - from : size[axis]!;
      const inside = Number.isSafeInteger(from) && from >= 0 && length <= extent - from;
      if (!inside || !Number.isSafeInteger(length) || length < 0) {
        throw new ShapeError(
          `expected begin and size inside ${describe(x)}, got ${from} and ${size[axis]} at axis ${axis}`,
        );
      }
      return length;
    });
    return [movedType(x, declared[0]!, shape)];
  },
  moves(inputs, { begin }, outputs) {
    const shape = outputs[0]!.shape;
    const strides = rowMajorStrides(inputs[0]!.shape);
    const offset = begin.reduce((sum, from, axis) => sum + from * strides[axis]!, 0);
    return [
      {
        shape,
        from: { tensor: 0, offset, strides },
        to: { tensor: 0, offset: 0, strides: rowMajorStrides(shape) },
      },
    ];
  },
});
