/**
 * Depthwise convolution with an emulated narrow accumulator: 4 channels of 4 columns, whose inputs are
 * first brought together in the order (ky, kx). A padded tap is a product with 0.
 */
import { STOCHASTIC } from "./accumulator";
import { OPERANDS, prepareDraws, storeRows, sumTile } from "./chunked-tile";
import { advance, DepthwiseParameters } from "./depthwise-rows";


@unmanaged
class ChunkedDepthwiseParameters extends DepthwiseParameters {
  /** The fields of `Accumulator`. */
  mode: i32;
  chunk: i32;
  leastExponent: i32;
  scaleBase: i32;
  mantissaStep: i32;
  max: f32;
  overflow: f32;
  magic: i32;
  tail: i32;
  drawShift: i32;
  limit: i32;
  least: i32;
  key0: i32;
  key1: i32;
  layer: i32;
  step: i32;
  stream: i32;
  outputBlocks: i32;
}

/** Brings the inputs of 4 windows of 4 channels together, `columnStep` bytes apart. */
@inline
function gatherWindows(
  p: DepthwiseParameters,
  rows: usize,
  offset: usize,
  columnStep: usize,
  to: usize,
): void {
  const tapStep = (p.dilationX * p.channels * 4) as usize;
  for (let ky: usize = 0; ky < (p.filterHeight as usize); ky++) {
    let at = load<usize>(rows + (ky << 2)) + offset;
    for (let kx = 0; kx < p.filterWidth; kx++) {
      v128.store(to, v128.load(at));
      v128.store(to, v128.load(at + columnStep), 16);
      v128.store(to, v128.load(at + 2 * columnStep), 32);
      v128.store(to, v128.load(at + 3 * columnStep), 48);
      at += tapStep;
      to += 64;
    }
  }
}

export function chunked_depthwise_f32(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<ChunkedDepthwiseParameters>(parameters);
  const accumulator = parameters + offsetof<ChunkedDepthwiseParameters>("mode");
  const taps = p.filterHeight * p.filterWidth;
  const windows = scratch + OPERANDS;
  const rows = windows + ((taps as usize) << 6);
  const n = tile / p.tilesPerImage;
  const start = (tile % p.tilesPerImage) * p.tileRows;
  const end = min(start + p.tileRows, p.outputHeight);
  const image = p.x + n * p.inputHeight * p.inputWidth * p.xStride;
  const columnStep = (p.strideX * p.channels * 4) as usize;
  const zero = f32x4.splat(0);
  let next = 0;
  if (p.mode == STOCHASTIC) prepareDraws(accumulator, scratch);
  for (let oy = start; oy < end; oy++) {
    next = advance<f32>(p, rows, image, oy, next, zero);
    const line = (n * p.outputHeight + oy) * p.outputWidth;
    let panel = p.panels;
    for (let channel = 0; channel < p.channels; channel += 4) {
      const bytes = min(p.channels - channel, 4) << 2;
      for (let ox = 0; ox < p.outputWidth; ox += 4) {
        const offset = (ox as usize) * columnStep + ((channel as usize) << 2);
        gatherWindows(p, rows, offset, columnStep, windows);
        const output = (line + ox) * p.channels + channel;
        sumTile(accumulator, scratch, taps, panel, output, p.channels);
        const y = p.y + (line + ox) * p.yStride + (channel << 2);
        storeRows(scratch, y, p.yStride, min(p.outputWidth - ox, 4), bytes);
      }
      panel += p.panelBytes;
    }
  }
}
