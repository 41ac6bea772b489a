/** DecodeMinifloat and EncodeMinifloat with one scale. */
import type { Minifloat } from "../../formats/index.ts";
import {
  decodeKernelOf,
  encodeFields,
  encodeKernelOf,
  MINIFLOAT_GROUP,
  MINIFLOAT_TABLE_BYTES,
  minifloatTable,
  wideDecodeFields,
} from "../../kernels/index.ts";
import type { EncodeMinifloatAttributes } from "../../operators/index.ts";
import { elementCount, type TensorType } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import type { LowerContext } from "./context.ts";
import { splitRows } from "./tiles.ts";

/** About 20 µs. */
const TILE_CODES = 32 * 1024;

function splitCodes(count: number): { tileCount: number; tiles: number } {
  const groups = Math.ceil(count / MINIFLOAT_GROUP);
  const { tileRows, tiles } = splitRows(groups, MINIFLOAT_GROUP, TILE_CODES);
  return { tileCount: tileRows * MINIFLOAT_GROUP, tiles };
}

/** The one scale of codes, or undefined if there are several. */
function onlyScale({ quantization }: TensorType): number | undefined {
  if (quantization === undefined) return 1;
  return quantization.scale.length === 1 ? quantization.scale[0]! : undefined;
}

/** Appends the step that decodes `count` codes. The format must have a decode kernel. */
export function decodeStep(
  context: LowerContext,
  format: Minifloat,
  x: Pointer,
  y: Pointer,
  count: number,
  scale = 1,
): void {
  const { tileCount, tiles } = splitCodes(count);
  const constants =
    format.bits > 8
      ? wideDecodeFields(format)
      : {
          table: context.addConstant(format.name, MINIFLOAT_TABLE_BYTES, (target) =>
            target.set(minifloatTable(format)),
          ),
        };
  context.step({
    kernel: decodeKernelOf(format)!,
    fields: { x, y, ...constants, count, tileCount, scale },
    tiles,
    scratchBytes: 4 * MINIFLOAT_GROUP,
    note: format.name,
  });
}

export function lowerDecodeMinifloat(context: LowerContext): boolean {
  const x = context.inputs[0]!;
  const format = x.format as Minifloat;
  const count = elementCount(x.shape);
  const scale = onlyScale(x);
  if (count === 0 || scale === undefined || decodeKernelOf(format) === undefined) return false;
  decodeStep(context, format, context.input(0), context.output(0), count, scale);
  return true;
}

export function lowerEncodeMinifloat(
  context: LowerContext,
  { saturates }: EncodeMinifloatAttributes,
): boolean {
  const y = context.outputs[0]!;
  const format = y.format as Minifloat;
  const count = elementCount(y.shape);
  const scale = onlyScale(y);
  const kernel = encodeKernelOf(format);
  if (count === 0 || scale === undefined || kernel === undefined) return false;
  const { tileCount, tiles } = splitCodes(count);
  context.step({
    kernel,
    fields: {
      x: context.input(0),
      y: context.output(0),
      count,
      tileCount,
      ...encodeFields(format, saturates),
      scale,
    },
    tiles,
    note: format.name,
  });
  return true;
}
