/** What the depthwise kernels share: geometry, ring or planes, tiles, and the folded bias. */
import type { DepthwiseGeometry } from "../../operators/index.ts";
import type { LowerContext, StepRequest } from "./context.ts";
import { splitRows } from "./tiles.ts";

/** Multiply-accumulates of one tile: 20 to 100 µs at the kernels' speed. */
const TILE_MACS = 500_000;

/** bias[c] − z_x · Σ w[…, c], modulo 2^32. */
export function foldedBias(
  bias: Int32Array | undefined,
  weights: Int8Array | Int16Array,
  zeroPoint: number,
  channels: number,
): Int32Array {
  const folded = new Int32Array(channels);
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let i = c; i < weights.length; i += channels) sum += weights[i]!;
    folded[c] = (bias === undefined ? 0 : bias[c]!) - zeroPoint * sum;
  }
  return folded;
}

/** What the forms share: geometry, ring and tiles. `columns`: taps that one filter row reads. */
export function placement(
  context: LowerContext,
  g: DepthwiseGeometry,
  elementBytes: number,
  columns: number,
  fields: StepRequest["fields"],
  planes = 0,
): Omit<StepRequest, "kernel"> {
  const { outputChannels: channels, filter, strides, dilations, border } = g;
  // Outputs are made so many at a time: the last ones of a row may lie beyond it.
  const step = elementBytes === 4 ? 8 : 4;
  const outputs = Math.ceil(g.output[1] / step) * step;
  const touched = (outputs - 1) * strides[1] + columns * dilations[1] + 1;
  const width = Math.max(touched, border.left + g.input[1] + border.right);
  // Quads hold a value four times as wide; interleaving them may write 60 bytes too many.
  const columnBytes = channels * (planes > 0 ? 4 : elementBytes);
  const rowBytes = Math.ceil((width * columnBytes + (planes > 0 ? 64 : 16)) / 16) * 16;
  const ringRows = (filter[0] - 1) * dilations[0] + 1;
  const rowMacs = g.output[1] * channels * filter[0] * filter[1];
  const split = splitRows(g.output[0], rowMacs, TILE_MACS);
  // Pairs of rows: only the last tile may have one without the other.
  const tileRows = planes > 0 ? Math.ceil(split.tileRows / 2) * 2 : split.tileRows;
  const tiles = Math.ceil(g.output[0] / tileRows);
  const rows = context.outputRows(0, channels * elementBytes);
  return {
    tiles: tiles * g.batch,
    macs: rowMacs * g.output[0] * g.batch,
    scratchBytes:
      planes > 0
        ? planes * rowBytes + g.input[1] * channels + 64
        : Math.ceil((filter[0] * 4) / 16) * 16 + ringRows * rowBytes + 64,
    note: `${filter.join("x")} s${strides.join("x")} ${channels}x${g.output.join("x")}`,
    fields: {
      ...fields,
      x: context.input(0),
      y: rows.pointer,
      inputHeight: g.input[0],
      inputWidth: g.input[1],
      inputChannels: g.inputChannels,
      xStride: g.inputChannels * elementBytes,
      yStride: rows.stride,
      channels,
      multiplier: g.multiplier,
      outputHeight: g.output[0],
      outputWidth: g.output[1],
      filterHeight: filter[0],
      filterWidth: filter[1],
      strideY: strides[0],
      strideX: strides[1],
      dilationY: dilations[0],
      dilationX: dilations[1],
      padTop: border.top,
      padLeft: border.left,
      padRight: border.right,
      rowBytes,
      planes,
      tileRows,
      tilesPerImage: tiles,
    },
  };
}
