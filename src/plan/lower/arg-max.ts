/** ArgMax of 8-bit codes and float32. */
import type { ArgMaxAttributes } from "../../operators/index.ts";
import { elementCount, normalizeAxis } from "../../tensor/index.ts";
import type { LowerContext } from "./context.ts";
import { splitRows } from "./tiles.ts";

const KERNELS: Readonly<Record<string, string>> = {
  int8: "arg_max_i8",
  uint8: "arg_max_u8",
  float32: "arg_max_f32",
};

/** About 20 µs, in values; a row costs some besides its own. */
const TILE_VALUES = 64 * 1024;
const ROW_COST = 32;

export function lowerArgMax(context: LowerContext, attributes: ArgMaxAttributes): boolean {
  const x = context.inputs[0]!;
  const y = context.outputs[0]!;
  const kernel = KERNELS[x.format.name];
  const axis = normalizeAxis(attributes.axis, x.shape.length);
  const rows = elementCount(y.shape);
  if (kernel === undefined || rows === 0) return false;
  const length = x.shape[axis]!;
  const { tileRows, tiles } = splitRows(rows, length + ROW_COST, TILE_VALUES);
  context.step({
    kernel,
    fields: {
      x: context.input(0),
      y: context.output(0),
      rows,
      length,
      inner: elementCount(x.shape.slice(axis + 1)),
      resultBytes: y.format.bits / 8,
      tileRows,
    },
    tiles,
    note: `${rows}x${length}`,
  });
  return true;
}
