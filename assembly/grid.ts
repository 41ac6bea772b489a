/** What all matrix products share: the head of their parameter blocks, and their scratch. */
import { OutputParameters } from "./requantize/output";

/** Columns of one panel. */
export const NR: i32 = 8;

/** What every kernel of this family needs; the grid is tiles of rows × chunks of panels. */
@unmanaged
export class GridParameters extends OutputParameters {
  x: usize;
  w: usize;
  /** Rows and columns of y. */
  m: i32;
  n: i32;
  /** Units of one row, even. */
  units: i32;
  /** Bytes from panel to panel of w. */
  panelBytes: i32;
  /** Bytes from row to row of y. */
  yStride: i32;
  /** Rows and panels of one grid tile, grid tiles per row of the grid. */
  tileRows: i32;
  tilePanels: i32;
  chunks: i32;
  /** Rows that are packed at a time, a multiple of a tile's. */
  stripRows: i32;
  /** Bits of a weight in its panel: 8 or 16 as they are multiplied, 4, 2 and 1 as in `low-bit.ts`. */
  weightBits: i32;
  /** What the codes of packed weights lie above the weights. */
  weightOffset: i32;
  /** Bytes from a thread's scratch to what packed weights need of it. */
  lowBitScratch: i32;
  /** Activations of 4 bits and fewer: flip, multiplier, addend and largest code of `narrowRow`. */
  narrowFlip: i32;
  narrowMultiplier: i32;
  narrowAddend: i32;
  narrowHigh: i32;
  /**
   * Steps of a tile's loop over k whose sums fit 8 or 16 bits, and flushes whose sums fit 16. Of weights in
   * blocks: the units of a block, and of a tap.
   */
  flushSteps: i32;
  widenFlushes: i32;
}

/**
 * Scratch of one thread:
 *
 *     accumulators of one tile │ offset in y of each row of the strip │ strip │ rows before packing
 *     128 bytes                │ stripRows · 4                        │       │ (windows only)
 */
export const OFFSETS: usize = 128;


@inline
export function stripOf(p: GridParameters, scratch: usize): usize {
  return scratch + OFFSETS + <usize>p.stripRows * 4;
}
