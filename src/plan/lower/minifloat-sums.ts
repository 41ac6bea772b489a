/** Sums of layers with minifloat weights that are made by kernels of other layers, and their ends. */
import {
  floatActivationRange,
  layerMultipliers,
  type OutputAttributes,
} from "../../operators/index.ts";
import type { Pointer } from "../plan.ts";
import { chunkedStep } from "./chunked-matmul.ts";
import type { LowerContext } from "./context.ts";
import { splitRows } from "./tiles.ts";

/** About 20 µs, in bytes of rows. */
const TILE_BYTES = 256 * 1024;

/** Rows of x, and the extents of the product. */
export interface Rows {
  readonly a: Pointer;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
}

/** Appends a product in an emulated accumulator, and what follows it. */
export function accumulatedRows(
  context: LowerContext,
  attributes: OutputAttributes,
  { a, rows, columns, depth }: Rows,
): void {
  const sums = context.temporary("sums", rows * columns * 4);
  const b = context.constant(1)!;
  chunkedStep(context, attributes.accumulate!, { a, b, y: sums, rows, columns, depth });
  scaleRows(context, attributes, { sums, y: context.output(0) }, rows, columns);
}

/** Appends the step from sums to the results of a layer. */
export function scaleRows(
  context: LowerContext,
  { activation }: OutputAttributes,
  { sums, y }: { readonly sums: Pointer; readonly y: Pointer },
  rows: number,
  channels: number,
): void {
  const [x, w] = context.inputs;
  const bias = context.constant(2)?.data as Float32Array | undefined;
  const floats = (label: string, values: () => Float32Array): Pointer =>
    context.addConstant(label, channels * 4, (target) =>
      new Float32Array(target.buffer, target.byteOffset, channels).set(values()),
    );
  const { tileRows, tiles } = splitRows(rows, channels * 8, TILE_BYTES);
  context.step({
    kernel: "scale_rows_f32",
    fields: {
      ...{ x: sums, y, m: rows, tileRows, channels },
      multipliers: floats("multipliers", () => layerMultipliers(x!, w!, channels)),
      biases: floats("biases", () => bias ?? new Float32Array(channels)),
      ...floatActivationRange(activation),
    },
    tiles,
    note: `${rows}x${channels}`,
  });
}
