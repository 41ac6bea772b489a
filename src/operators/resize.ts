/** What both resize operators share: their attributes, their rules and their scale. */
import { ModelError, ShapeError } from "../errors.ts";
import { f32 } from "../quantization/index.ts";
import type { TensorType } from "../tensor/index.ts";
import { checkCounts, checkRank, describe, requireInput } from "./checks.ts";
import { movedType } from "./movement.ts";
import type { Extent2D } from "./operator.ts";

export interface ResizeAttributes {
  readonly size: Extent2D;
  /** The centres of the corner pixels stay where they are. */
  readonly alignCorners: boolean;
  /** Pixels are squares with their centre at one half. */
  readonly halfPixelCenters: boolean;
}

/** The result's type: an image of another size. */
export function inferResize(
  inputs: readonly (TensorType | undefined)[],
  { size, alignCorners, halfPixelCenters }: ResizeAttributes,
  declared: readonly TensorType[],
): TensorType[] {
  checkCounts(inputs, [1, 1], declared);
  const x = requireInput(inputs, 0, "an image");
  checkRank(x, 4, "an image");
  const [n, h, w, c] = x.shape as [number, number, number, number];
  if (h === 0 || w === 0) throw new ShapeError(`expected an image with pixels, got ${describe(x)}`);
  if (!size.every((extent) => Number.isSafeInteger(extent) && extent > 0)) {
    throw new ShapeError(`expected a size of integers above 0, got ${size.join("x")}`);
  }
  if (alignCorners && halfPixelCenters) {
    throw new ModelError("expected aligned corners or half-pixel centres, got both");
  }
  return [movedType(x, declared[0]!, [n, size[0], size[1], c])];
}

/** Input pixels per output pixel along one axis, in float32. */
export function resizeRatio(from: number, to: number, alignCorners: boolean): number {
  const j = alignCorners && to > 1 ? 1 : 0;
  return f32((from - j) / (to - j));
}
