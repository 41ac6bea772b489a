/** Axes in another order: axis i of the result is axis permutation[i] of the input. */
import { ShapeError } from "../errors.ts";
import { normalizeAxis, rowMajorStrides } from "../tensor/index.ts";
import { checkCounts, requireInput } from "./checks.ts";
import { movedType, movementOperator } from "./movement.ts";

export interface TransposeAttributes {
  readonly permutation: readonly number[];
}

export const transpose = movementOperator<TransposeAttributes>({
  name: "Transpose",
  infer(inputs, { permutation }, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "a tensor");
    const rank = x.shape.length;
    const axes = normalizedPermutation(permutation, rank);
    if (permutation.length !== rank || new Set(axes).size !== rank) {
      throw new ShapeError(
        `expected a permutation of ${rank} axes, got [${permutation.join(", ")}]`,
      );
    }
    return [
      movedType(
        x,
        declared[0]!,
        axes.map((axis) => x.shape[axis]!),
      ),
    ];
  },
  moves(inputs, { permutation }, outputs) {
    const shape = outputs[0]!.shape;
    const strides = rowMajorStrides(inputs[0]!.shape);
    const from = normalizedPermutation(permutation, strides.length).map((axis) => strides[axis]!);
    return [
      {
        shape,
        from: { tensor: 0, offset: 0, strides: from },
        to: { tensor: 0, offset: 0, strides: rowMajorStrides(shape) },
      },
    ];
  },
});

function normalizedPermutation(permutation: readonly number[], rank: number): number[] {
  return permutation.map((axis) => normalizeAxis(axis, rank, "an axis of the permutation"));
}
