/** RoundBlocks: one step from values to values (`assembly/minifloat-blocks.ts`). */
import { roundFields } from "../../kernels/index.ts";
import { blockFormatOf, type RoundBlocksAttributes } from "../../operators/index.ts";
import { elementExponent } from "../../quantization/index.ts";
import { elementCount } from "../../tensor/index.ts";
import type { LowerContext } from "./context.ts";
import { splitRows } from "./tiles.ts";

/** About 20 µs. */
const TILE_VALUES = 32 * 1024;

export function lowerRoundBlocks(
  context: LowerContext,
  attributes: RoundBlocksAttributes,
): boolean {
  const { shape } = context.outputs[0]!;
  const format = blockFormatOf(attributes);
  const depth = shape.at(-1) ?? 1;
  const size = elementCount(shape);
  if (size === 0) return false;
  const rows = size / depth;
  const { tileRows, tiles } = splitRows(rows, depth, TILE_VALUES);
  context.step({
    kernel: "round_blocks_f32",
    fields: {
      ...{ x: context.input(0), y: context.output(0), count: rows, tileCount: tileRows, depth },
      ...roundFields(format.element, 1),
      ...{ exponent: elementExponent(format), flip: 0, scale: 1 },
    },
    tiles,
    note: format.name,
  });
  return true;
}
