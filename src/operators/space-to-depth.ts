/** Blocks of pixels become channels: y[n, h, w, (i · b + j) · C + c] = x[n, h · b + i, w · b + j, c]. */
import { ModelError, ShapeError } from "../errors.ts";
import { rowMajorStrides } from "../tensor/index.ts";
import { checkCounts, checkRank, describe, requireInput } from "./checks.ts";
import { movedType, movementOperator } from "./movement.ts";

export interface SpaceToDepthAttributes {
  /** Side of a block, from 1. */
  readonly blockSize: number;
}

export const spaceToDepth = movementOperator<SpaceToDepthAttributes>({
  name: "SpaceToDepth",
  infer(inputs, { blockSize }, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "a tensor");
    checkRank(x, 4, "an image");
    checkBlockSize(blockSize);
    const [n, h, w, c] = x.shape as [number, number, number, number];
    if (h % blockSize !== 0 || w % blockSize !== 0) {
      throw new ShapeError(
        `expected height and width that are multiples of ${blockSize}, got ${describe(x)}`,
      );
    }
    const shape = [n, h / blockSize, w / blockSize, c * blockSize * blockSize];
    return [movedType(x, declared[0]!, shape)];
  },
  moves(inputs, { blockSize: b }, outputs) {
    const [, , , c] = inputs[0]!.shape as [number, number, number, number];
    const [n, h, w] = outputs[0]!.shape as [number, number, number, number];
    const [batch, row, pixel] = rowMajorStrides(inputs[0]!.shape) as [number, number, number];
    // Axes of the result with its channels split: n, h, w, i, and (j, c), which are one run in both.
    const shape = [n, h, w, b, b * c];
    const strides = [batch, b * row, b * pixel, row, 1];
    return [
      {
        shape,
        from: { tensor: 0, offset: 0, strides },
        to: { tensor: 0, offset: 0, strides: rowMajorStrides(shape) },
      },
    ];
  },
});

export function checkBlockSize(blockSize: number): void {
  if (!Number.isSafeInteger(blockSize) || blockSize < 1) {
    throw new ModelError(`expected a block size from 1, got ${blockSize}`);
  }
}
