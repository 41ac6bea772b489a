/** An image of another size, each pixel a copy of one of the input. */
import { f32, roundHalfAway } from "../quantization/index.ts";
import { allocateTensor } from "../tensor/index.ts";
import { elementCopier } from "./gather.ts";
import type { Operator } from "./operator.ts";
import { inferResize, type ResizeAttributes, resizeRatio } from "./resize.ts";

/** Input: x [N, H, W, C] of any format of whole bytes. */
export const resizeNearestNeighbor: Operator<ResizeAttributes> = {
  name: "ResizeNearestNeighbor",
  infer: inferResize,
  reference([x], attributes, context) {
    const y = allocateTensor(context.outputs[0]!);
    const [n, h, w, c] = x!.type.shape as [number, number, number, number];
    const [height, width] = attributes.size;
    const rowAt = nearestPositions(h, height, attributes);
    const columnAt = nearestPositions(w, width, attributes);
    const copy = elementCopier(x!, y);
    let written = 0;
    for (let image = 0; image < n; image++) {
      for (let row = 0; row < height; row++) {
        for (let column = 0; column < width; column++) {
          copy(((image * h + rowAt(row)) * w + columnAt(column)) * c, written, c);
          written += c;
        }
      }
    }
    return [y];
  },
};

/** The input position that each output position copies, along one axis (docs/exactness.md). */
export function nearestPositions(
  from: number,
  to: number,
  { alignCorners, halfPixelCenters }: ResizeAttributes,
): (i: number) => number {
  const ratio = resizeRatio(from, to, alignCorners);
  const centre = halfPixelCenters ? 0.5 : 0;
  return (i) => {
    const position = f32(f32(i + centre) * ratio);
    const index = alignCorners ? roundHalfAway(position) : Math.floor(position);
    return Math.min(index, from - 1);
  };
}
