/** Functions of one element: `lookup_8` on codes, `clamp_f32` for the relu family. */
import { type Activation, floatActivationRange } from "../../operators/index.ts";
import type { Rounding } from "../../quantization/index.ts";
import { elementCount, type TensorType, typeBytes } from "../../tensor/index.ts";
import type { LowerContext, Lowering } from "./context.ts";
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

/** Appends the look-up of a table of 256 output bytes. */
export function lookUp(context: LowerContext, table: Uint8Array): boolean {
  const sizeBytes = typeBytes(context.inputs[0]!);
  if (sizeBytes === 0) return false;
  const { tileBytes, tiles } = splitBytes(sizeBytes);
  context.step({
    kernel: "lookup_8",
    tiles,
    fields: {
      x: context.input(0),
      y: context.output(0),
      table: context.addConstant("table", 256, (target) => target.set(table)),
      sizeBytes,
      tileBytes,
    },
  });
  return true;
}

/** An operator that is a table on codes; `activation` says that it is a clamp on float32. */
export function lowerTable<A>(
  operator: {
    table(x: TensorType, y: TensorType, attributes: A, rounding: Rounding): Uint8Array;
  },
  activation?: Activation,
): Lowering<A> {
  return (context, attributes) => {
    const [x] = context.inputs as [TensorType];
    const y = context.outputs[0]!;
    if (x.format.bits === 8) {
      return lookUp(context, operator.table(x, y, attributes, context.rounding));
    }
    return x.format.name === "float32" && activation !== undefined && clamp(context, activation);
  };
}

function clamp(context: LowerContext, activation: Activation): boolean {
  const size = elementCount(context.inputs[0]!.shape);
  if (size === 0) return false;
  const { tileBytes, tiles } = splitBytes(size);
  context.step({
    kernel: "clamp_f32",
    tiles,
    fields: {
      x: context.input(0),
      y: context.output(0),
      size,
      tileSize: tileBytes,
      zeroPoint: 0,
      flip: 0,
      scale: 0,
      ...floatActivationRange(activation),
    },
  });
  return true;
}
