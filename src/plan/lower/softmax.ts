/**
 * Softmax of codes in rule `fp32`; the fixed-point rule runs the reference, and so does float32 where
 * nothing has loaded `softmax-floats.ts`.
 */
import { type SoftmaxAttributes, softmaxConstants } from "../../operators/index.ts";
import { elementCount } from "../../tensor/index.ts";
import type { LowerContext } from "./context.ts";
import { flipOf, splitRows } from "./tiles.ts";

/** Classes of one tile: some 20 µs. */
const TILE_CLASSES = 4_096;

export function lowerSoftmax(context: LowerContext, attributes: SoftmaxAttributes): boolean {
  const x = context.inputs[0]!;
  const y = context.outputs[0]!;
  if (x.format.bits !== 8) return false;
  const constants = softmaxConstants(x, y, attributes, context.rounding);
  if (constants.rule !== "fp32") return false;
  const classes = x.shape.at(-1)!;
  const rows = elementCount(x.shape) / classes;
  const { tileRows, tiles } = splitRows(rows, classes, TILE_CLASSES);
  const { exps, outputScale } = constants;
  context.step({
    kernel: "softmax_i8",
    tiles,
    fields: {
      x: context.input(0),
      y: context.output(0),
      table: context.addConstant("exponentials", 1024, (target) =>
        target.set(new Uint8Array(exps.buffer, exps.byteOffset, exps.byteLength)),
      ),
      rows,
      classes,
      tileRows,
      flip: flipOf(x.format).mask,
      outputScale,
    },
  });
  return true;
}
