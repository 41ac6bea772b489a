/**
 * The input rows of a depthwise convolution: a ring in scratch that holds what one output row spans,
 * padded with the zero point, uint8 codes flipped to int8, and with one channel per output channel (a
 * channel multiplier repeats them here). Loops over it know neither borders nor multipliers.
 */
import { fillRun } from "./lanes";


@unmanaged
export class DepthwiseParameters {
  x: usize;
  y: usize;
  /** Panels of 8 (float32: 4) channels: weights, then bias, then multipliers. */
  panels: usize;
  panelBytes: i32;
  inputHeight: i32;
  inputWidth: i32;
  inputChannels: i32;
  /** Bytes between pixels. */
  xStride: i32;
  yStride: i32;
  channels: i32;
  multiplier: i32;
  outputHeight: i32;
  outputWidth: i32;
  filterHeight: i32;
  filterWidth: i32;
  /** Weight vectors per filter row: tap pairs (float32: taps); of the relaxed dot: per output row. */
  filterSteps: i32;
  strideY: i32;
  strideX: i32;
  dilationY: i32;
  dilationX: i32;
  padTop: i32;
  padLeft: i32;
  /** Columns right of the image that some window reads. */
  padRight: i32;
  /** Bytes of one ring row, or of one plane of quads (`depthwise-dot.ts`), a multiple of 16. */
  rowBytes: i32;
  /** Planes of quads. */
  planes: i32;
  tileRows: i32;
  tilesPerImage: i32;
  /** The input's zero point after the flip. */
  padCode: i32;
  /** 0x80808080 for uint8, else 0. */
  inputFlip: i32;
  outputFlip: i32;
  zeroPoint: i32;
  low: i32;
  high: i32;
  /** The clamp of float32 kernels. */
  lowLimit: f32;
  highLimit: f32;
}

/** Input rows that one output row spans. */
@inline
function ringRows(p: DepthwiseParameters): i32 {
  return (p.filterHeight - 1) * p.dilationY + 1;
}

/** Scratch: one row pointer per filter row, then the ring. */
@inline
function ringStart(p: DepthwiseParameters, scratch: usize): usize {
  return scratch + ((p.filterHeight * 4 + 15) & -16);
}

/** Pixels of one row, each channel `multiplier` times. */
@inline
function copyPixels<T>(p: DepthwiseParameters, from: usize, to: usize, flip: T): void {
  for (let column = 0; column < p.inputWidth; column++) {
    for (let c = 0; c < p.inputChannels; c++) {
      const value = load<T>(from + c * sizeof<T>());
      for (let m = 0; m < p.multiplier; m++) {
        if (isInteger<T>()) store<T>(to, value ^ flip);
        else store<T>(to, value);
        to += sizeof<T>();
      }
    }
    from += p.xStride;
  }
}

/** A row that lies in one piece. */
@inline
function copyRow(from: usize, to: usize, bytes: i32, flip: i32): void {
  if (flip == 0) {
    memory.copy(to, from, bytes);
    return;
  }
  const flips = i32x4.splat(flip);
  const whole = to + (bytes & -16);
  while (to < whole) {
    v128.store(to, v128.xor(v128.load(from), flips));
    from += 16;
    to += 16;
  }
  for (let i = 0; i < (bytes & 15); i++) store<u8>(to + i, load<u8>(from + i) ^ (<u8>flip));
}

/** Brings padded row `row` of image `image` into its place in the ring. */
@inline
function loadRow<T>(p: DepthwiseParameters, image: usize, row: i32, to: usize, pad: v128): void {
  const line = row - p.padTop;
  const pixel = p.channels * sizeof<T>();
  const left = p.padLeft * pixel;
  const inside = p.inputWidth * pixel;
  const right = p.padRight * pixel;
  // Fills may write 15 bytes too many: over what is written next, or into the end of the ring's row.
  if (<u32>line >= <u32>p.inputHeight) {
    fillRun(to, pad, left + inside + right);
    return;
  }
  fillRun(to, pad, left);
  const interior = to + left;
  const from = image + line * p.inputWidth * p.xStride;
  if (p.multiplier == 1 && p.xStride == pixel) {
    copyRow(from, interior, inside, p.inputFlip);
  } else {
    copyPixels<T>(p, from, interior, <T>p.inputFlip);
  }
  fillRun(interior + inside, pad, right);
}

/**
 * Points the row table at the input rows of output row `oy`, after loading those from `next` on that
 * are not in the ring yet. Returns the new `next`.
 */
@inline
export function advance<T>(
  p: DepthwiseParameters,
  scratch: usize,
  image: usize,
  oy: i32,
  next: i32,
  pad: v128,
): i32 {
  const rows = ringRows(p);
  const ring = ringStart(p, scratch);
  const first = oy * p.strideY;
  const end = first + rows;
  for (let row = max(next, first); row < end; row++) {
    loadRow<T>(p, image, row, ring + (row % rows) * p.rowBytes, pad);
  }
  for (let ky = 0; ky < p.filterHeight; ky++) {
    const slot = (first + ky * p.dilationY) % rows;
    store<usize>(scratch + (ky << 2), ring + slot * p.rowBytes);
  }
  return end;
}
