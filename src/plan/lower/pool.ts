/** AveragePool2D and MaxPool2D: vectors of channels, tiles of output rows. */
import {
  activationRange,
  floatActivationRange,
  type PoolAttributes,
  poolGeometry,
} from "../../operators/index.ts";
import type { Rounding } from "../../quantization/index.ts";
import type { LowerContext, Lowering } from "./context.ts";
import { shortName, splitRows } from "./tiles.ts";

/** Taps of 8 channels in one tile: some 20 µs. */
const TILE_TAPS = 400_000;
/** Largest window whose average a float32 division gives exactly (assembly/pool.ts). */
const LARGEST_AVERAGE = 65_536;

export const lowerMaxPool2D: Lowering<PoolAttributes> = (context, attributes) =>
  lowerPool(context, attributes, "max_pool", context.rounding);

export const lowerAveragePool2D: Lowering<PoolAttributes> = (context, attributes) =>
  attributes.filter[0] * attributes.filter[1] <= LARGEST_AVERAGE &&
  lowerPool(context, attributes, "average_pool", "tflite-reference");

function lowerPool(
  context: LowerContext,
  attributes: PoolAttributes,
  name: string,
  rounding: Rounding,
): boolean {
  const x = context.inputs[0]!;
  const y = context.outputs[0]!;
  const short = shortName(x.format);
  if (short === undefined) return false;
  const g = poolGeometry(x, attributes);
  const bytes = x.format.bits / 8;
  const codes = short === "f32" ? undefined : activationRange(attributes.activation, y, rounding);
  const limits = floatActivationRange(attributes.activation);
  const { filter, strides, border } = g;
  const rowTaps = g.output[1] * g.channels * filter[0] * filter[1] * bytes;
  const { tileRows, tiles } = splitRows(g.output[0], rowTaps, TILE_TAPS);
  const rows = context.outputRows(0, g.channels * bytes);
  context.step({
    kernel: `${name}_${short}`,
    tiles: tiles * g.batch,
    note: `${filter.join("x")} s${strides.join("x")} ${g.channels}x${g.output.join("x")}`,
    fields: {
      x: context.input(0),
      y: rows.pointer,
      inputHeight: g.input[0],
      inputWidth: g.input[1],
      channels: g.channels,
      xStride: g.channels * bytes,
      yStride: rows.stride,
      outputHeight: g.output[0],
      outputWidth: g.output[1],
      filterHeight: filter[0],
      filterWidth: filter[1],
      strideY: strides[0],
      strideX: strides[1],
      padTop: border.top,
      padLeft: border.left,
      tileRows,
      tilesPerImage: tiles,
      low: codes?.low ?? 0,
      high: codes?.high ?? 0,
      lowLimit: limits.low,
      highLimit: limits.high,
    },
  });
  return true;
}
