/** DecodeMinifloat and EncodeMinifloat with one scale. */
import { InternalError } from "../../errors.ts";
import type { Minifloat } from "../../formats/index.ts";
import {
  decodeKernelOf,
  encodeFields,
  encodeKernelOf,
  MINIFLOAT_GROUP,
  MINIFLOAT_TABLE_BYTES,
  type MinifloatOperand,
  minifloatTable,
  roundFields,
  unitGrid,
  wideDecodeFields,
} from "../../kernels/index.ts";
import { type EncodeMinifloatAttributes, inputUnit } from "../../operators/index.ts";
import { elementCount, type TensorType } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import type { LowerContext } from "./context.ts";
import { isBounded, largestOf, type UnitForm } from "./minifloat-bounds.ts";
import { roundedBeside, unitFormOf } from "./minifloat-forms.ts";
import { operandBytes, operandFlip, operandOfValue } from "./minifloat-operands.ts";
import { splitRows } from "./tiles.ts";

/** About 20 µs. */
const TILE_CODES = 32 * 1024;

export function splitCodes(count: number): { tileCount: number; tiles: number } {
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
  const operand = operandOfValue(context, context.node.outputs[0]!);
  if (operand !== undefined && scale !== undefined && count > 0) {
    if (unitFormOf(context, context.node.inputs[0]!) !== undefined) {
      // Its producer has rounded it.
      if (!context.alias(0, 0, true)) throw new InternalError("expected codes without a place");
      return true;
    }
    const id = context.node.inputs[0]!;
    if (roundedBeside(context, id) === context.node) return true;
    const to = context.expanded(context.node.outputs[0]!, operandBytes(y, operand));
    const largest = largestOf(context.graph, id);
    roundStep(context, operand, { x: context.input(0), y: to, format, count, scale, largest });
    return true;
  }
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

export interface Rounded {
  readonly x: Pointer;
  readonly y: Pointer;
  readonly format: Minifloat;
  readonly count: number;
  readonly scale: number;
  /** No |x| is above it, and none is NaN. Default: nothing is known. */
  readonly largest?: number;
}

/** What kernels that round to units without looking at what they read have to know. */
export function unitFields({ format, scale }: UnitForm): Record<"scale" | "max" | "unit", number> {
  const unit = inputUnit(format)!;
  return {
    scale: scale / unit,
    max: format.max * unit,
    // Steps of 1 end there, in units.
    unit: (unitGrid(format)!.finest + 1) / 2,
  };
}

/** What flips the top bits of four bytes of the form "x8". */
export function flipMask(context: LowerContext): number {
  return operandFlip(context) === 128 ? 0x80808080 | 0 : 0;
}

/** Appends the step from float32 to numbers of a format as layers read them. */
export function roundStep(
  context: LowerContext,
  operand: MinifloatOperand,
  { x, y, format, count, scale, largest = Infinity }: Rounded,
): void {
  const { tileCount, tiles } = splitCodes(count);
  const isInteger = operand !== "f32";
  const note = `${format.name} as ${operand}`;
  const flip = operand === "x8" ? flipMask(context) : 0;
  const isByte = operand === "x8" || operand === "i8";
  if (isByte && isBounded(largest, { format, scale })) {
    const fields = { x, y, count, tileCount, ...unitFields({ format, scale }), flip };
    context.step({ kernel: "round_units_f32_i8", fields, tiles, note });
    return;
  }
  const unit = isInteger ? inputUnit(format)! : 1;
  const all = { x, y, count, tileCount, flip, ...roundFields(format, unit) };
  context.step({
    kernel: `round_f32_${isByte ? "i8" : operand}`,
    fields: { ...all, scale },
    tiles,
    note,
  });
}
