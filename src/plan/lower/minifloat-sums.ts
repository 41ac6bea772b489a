/** Sums of layers with minifloat weights that are made by kernels of other layers, and their ends. */
import type { Minifloat } from "../../formats/index.ts";
import {
  type AccumulateAttributes,
  floatActivationRange,
  layerMultipliers,
  type OutputAttributes,
} from "../../operators/index.ts";
import type { Pointer } from "../plan.ts";
import { type ChunkedProduct, chunkedStep } from "./chunked-step.ts";
import type { LowerContext } from "./context.ts";
import { layerRounding } from "./minifloat-operands.ts";
import { splitRows } from "./tiles.ts";

/** About 20 µs, in bytes of rows. */
const TILE_BYTES = 256 * 1024;

/** Appends a product in an emulated accumulator, and what follows it. */
export function accumulatedRows(
  context: LowerContext,
  attributes: OutputAttributes,
  product: Omit<ChunkedProduct, "y" | "shift">,
): void {
  const { rows, columns } = product;
  const sums = context.temporary("sums", rows * columns * 4);
  const accumulate = attributes.accumulate!;
  const { shift = 0 } = accumulate;
  chunkedStep(context, accumulate, roundingOf(context, accumulate), { ...product, y: sums, shift });
  scaleRows(context, attributes, { sums, y: context.output(0) }, rows, columns);
}

/** How the kernels round the sums of the layer, which has one. */
export function roundingOf({ inputs }: LowerContext, accumulate: AccumulateAttributes) {
  const [x, w] = inputs.map((type) => type?.format as Minifloat);
  return layerRounding(x!, w!, accumulate)!;
}

/** Appends the step from sums to the results of a layer. */
export function scaleRows(
  context: LowerContext,
  { activation, accumulate }: OutputAttributes,
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
      multipliers: floats("multipliers", () =>
        layerMultipliers(x!, w!, channels, accumulate?.shift),
      ),
      biases: floats("biases", () => bias ?? new Float32Array(channels)),
      ...floatActivationRange(activation),
    },
    tiles,
    note: `${rows}x${channels}`,
  });
}
