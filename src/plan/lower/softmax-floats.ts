/**
 * Softmax of float32 by a kernel. In networks with minifloats, whose last layers leave float32 behind: of
 * those that compute in float32 it is a thousandth, which the reference does as well.
 */
import { type SoftmaxAttributes } from "../../operators/index.ts";
import { elementCount } from "../../tensor/index.ts";
import type { LowerContext } from "./context.ts";
import { splitRows } from "./tiles.ts";

/** Classes of one tile: some 20 µs. */
const TILE_CLASSES = 2_048;

export function softmaxFloats(context: LowerContext, { beta }: SoftmaxAttributes): boolean {
  const { format, shape } = context.inputs[0]!;
  if (format.name !== "float32") return false;
  const classes = shape.at(-1)!;
  const rows = elementCount(shape) / classes;
  const { tileRows, tiles } = splitRows(rows, classes, TILE_CLASSES);
  context.step({
    kernel: "softmax_f32",
    tiles,
    fields: { x: context.input(0), y: context.output(0), rows, classes, tileRows, beta },
  });
  return true;
}
