/** Functions of one element: look-ups on codes, `clamp_f32` for the relu family. */
import { LINES_BYTES, linesOf } from "../../kernels/index.ts";
import { type Activation, floatActivationRange } from "../../operators/index.ts";
import type { Rounding } from "../../quantization/index.ts";
import { elementCount, type TensorType, typeBytes } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import { declaredInput, declaredOutput, type LowerContext, type Lowering } from "./context.ts";
import { splitRows } from "./tiles.ts";

/** Bytes of one tile: some 10 µs. */
const TILE_BYTES = 32_768;
/** Tiles begin at whole cache lines. */
const LINE_BYTES = 64;

/** A contiguous range in tiles of whole lines. */
export function splitBytes(bytes: number): { tileBytes: number; tiles: number } {
  const { tileRows, tiles } = splitRows(Math.ceil(bytes / LINE_BYTES), LINE_BYTES, TILE_BYTES);
  return { tileBytes: tileRows * LINE_BYTES, tiles };
}

/** A table of declared codes for the bytes in memory. */
function storedTable(context: LowerContext, table: Uint8Array): Uint8Array {
  const flipX = context.inputs[0]!.format === declaredInput(context, 0).format ? 0 : 0x80;
  const flipY = context.outputs[0]!.format === declaredOutput(context, 0).format ? 0 : 0x80;
  return table.map((_, byte) => table[byte ^ flipX]! ^ flipY);
}

/** Appends the look-up of a table of 256 output bytes, if it changes any. */
export function lookUp(context: LowerContext, declared: Uint8Array): boolean {
  const table = storedTable(context, declared);
  if (table.every((code, byte) => code === byte) && context.alias(0, 0)) return true;
  if (typeBytes(context.inputs[0]!) === 0) return false;
  context.overwrite(0, 0);
  tableStep(context, table, context.output(0));
  return true;
}

/** Appends the step from input 0 to y by a table of 256 bytes. */
export function tableStep(
  context: LowerContext,
  table: Uint8Array,
  y: Pointer,
  note?: string,
): void {
  const sizeBytes = typeBytes(context.inputs[0]!);
  const { tileBytes, tiles } = splitBytes(sizeBytes);
  const lines = context.forced === "lookup_8" ? undefined : linesOf(table);
  const isRelaxed = context.machine.isa === "relaxed" && context.forced !== "lookup_8_lines";
  const constant =
    lines === undefined
      ? { table: context.addConstant("table", 256, (target) => target.set(table)) }
      : { lines: context.addConstant("lines", LINES_BYTES, (target) => target.set(lines)) };
  context.step({
    kernel: lines === undefined ? "lookup_8" : `lookup_8_lines${isRelaxed ? "_relaxed" : ""}`,
    tiles,
    fields: { x: context.input(0), y, ...constant, sizeBytes, tileBytes },
    ...(note === undefined ? {} : { note }),
  });
}

/** An operator that is a table on codes; `floats` appends its step on float32, where a kernel has it. */
export function lowerTable<A>(
  operator: {
    table(x: TensorType, y: TensorType, attributes: A, rounding: Rounding): Uint8Array;
  },
  floats: (context: LowerContext, attributes: A) => boolean = () => false,
): Lowering<A> {
  return (context, attributes) => {
    const x = declaredInput(context, 0);
    const y = declaredOutput(context, 0);
    if (x.format.bits === 8) {
      return lookUp(context, operator.table(x, y, attributes, context.rounding));
    }
    return x.format.name === "float32" && floats(context, attributes);
  };
}

/** A clamp of float32: the relu family. */
export function clampTo(activation: Activation): (context: LowerContext) => boolean {
  const fields = { zeroPoint: 0, flip: 0, scale: 0, ...floatActivationRange(activation) };
  return (context) => floatStep(context, "clamp_f32", fields);
}

/** A kernel of `assembly/unary-float.ts`. */
export function unaryFloat<A>(
  kernel: string,
  alphaOf: (attributes: A) => number = () => 0,
): (context: LowerContext, attributes: A) => boolean {
  return (context, attributes) => floatStep(context, kernel, { alpha: alphaOf(attributes) });
}

function floatStep(
  context: LowerContext,
  kernel: string,
  fields: Readonly<Record<string, number>>,
): boolean {
  const size = elementCount(context.inputs[0]!.shape);
  if (size === 0) return false;
  const { tileBytes: tileSize, tiles } = splitBytes(size);
  context.overwrite(0, 0);
  const operands = { x: context.input(0), y: context.output(0), size, tileSize };
  context.step({ kernel, tiles, fields: { ...operands, ...fields } });
  return true;
}
