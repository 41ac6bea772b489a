/** Cast between the formats that networks cast between. */
import { basicKernels } from "../../kernels/index.ts";
import { elementCount } from "../../tensor/index.ts";
import type { LowerContext } from "./context.ts";
import { splitRows } from "./tiles.ts";

const SHORT_NAMES: Readonly<Record<string, string>> = {
  int8: "i8",
  uint8: "u8",
  int32: "i32",
  int64: "i64",
  float32: "f32",
};

/** About 20 µs. */
const TILE_VALUES = 16 * 1024;

export function lowerCast(context: LowerContext): boolean {
  const x = context.inputs[0]!;
  const y = context.outputs[0]!;
  if (x.format === y.format && context.alias(0, 0)) return true;
  const kernel = `cast_${SHORT_NAMES[x.format.name]}_${SHORT_NAMES[y.format.name]}`;
  const count = elementCount(y.shape);
  if (!basicKernels.has(kernel) || count === 0) return false;
  const { tileRows: tileCount, tiles } = splitRows(count, 1, TILE_VALUES);
  context.step({
    kernel,
    fields: { x: context.input(0), y: context.output(0), count, tileCount },
    tiles,
  });
  return true;
}
