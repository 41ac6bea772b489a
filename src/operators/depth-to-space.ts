/** Channels become blocks of pixels: y[n, h · b + i, w · b + j, c] = x[n, h, w, (i · b + j) · C + c]. */
import { ShapeError } from "../errors.ts";
import { rowMajorStrides } from "../tensor/index.ts";
import { checkCounts, checkRank, describe, requireInput } from "./checks.ts";
import { movedType, movementOperator } from "./movement.ts";
import { checkBlockSize } from "./space-to-depth.ts";

export interface DepthToSpaceAttributes {
  /** Side of a block, from 1. */
  readonly blockSize: number;
}

export const depthToSpace = movementOperator<DepthToSpaceAttributes>({
  name: "DepthToSpace",
  infer(inputs, { blockSize }, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "a tensor");
    checkRank(x, 4, "an image");
    checkBlockSize(blockSize);
    const [n, h, w, c] = x.shape as [number, number, number, number];
    const channels = c / blockSize / blockSize;
    if (c % (blockSize * blockSize) !== 0) {
      throw new ShapeError(
        `expected channels that are a multiple of ${blockSize * blockSize}, got ${describe(x)}`,
      );
    }
    return [movedType(x, declared[0]!, [n, h * blockSize, w * blockSize, channels])];
  },
  moves(inputs, { blockSize: b }, outputs) {
    const [n, h, w] = inputs[0]!.shape as [number, number, number, number];
    const [, , , c] = outputs[0]!.shape as [number, number, number, number];
    const [batch, row, pixel] = rowMajorStrides(inputs[0]!.shape) as [number, number, number];
    // Axes of the result with its height split: n, h, i, w, and (j, c), which are one run in both.
    const shape = [n, h, b, w, b * c];
    const strides = [batch, row, b * c, pixel, 1];
    return [
      {
        shape,
        from: { tensor: 0, offset: 0, strides },
        to: { tensor: 0, offset: 0, strides: rowMajorStrides(shape) },
      },
    ];
  },
});
