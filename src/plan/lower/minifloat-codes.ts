/** DecodeMinifloat and EncodeMinifloat of formats of 8, 6 and 4 bits with one scale. */
import type { Minifloat } from "../../formats/index.ts";
import {
  hasDecodeKernel,
  hasEncodeKernel,
  MINIFLOAT_GROUP,
  MINIFLOAT_TABLE_BYTES,
  minifloatTable,
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
  const table = context.addConstant(format.name, MINIFLOAT_TABLE_BYTES, (target) =>
    target.set(minifloatTable(format)),
  );
  context.step({
    kernel: `decode_m${format.bits}_f32`,
    fields: { x, y, table, count, tileCount, scale },
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
  if (count === 0 || scale === undefined || !hasDecodeKernel(format)) return false;
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
  if (count === 0 || scale === undefined || !hasEncodeKernel(format)) return false;
  const { tileCount, tiles } = splitCodes(count);
  context.step({
    kernel: `encode_f32_m${format.bits}`,
    fields: {
      x: context.input(0),
      y: context.output(0),
      count,
      tileCount,
      mantissaBits: format.mantissaBits,
      bias: format.bias,
      maxCode: format.maxCode,
      overflowCode: saturates ? format.maxCode : format.encode(Infinity, false),
      nanCode: format.nanCode,
      signShift: 32 - format.bits,
      zeroSign: format.reserved === "fnuz" ? 0 : -1,
      scale,
    },
    tiles,
    note: format.name,
  });
  return true;
}
