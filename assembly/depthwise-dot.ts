/**
 * Depthwise convolution on the relaxed dot with accumulation: four rows of four channels at a time.
 *
 *   4 input rows, bytes            plane: one quad per column and channel
 *   r0 |c0 c1 c2 c3 …|             |c0: r0 r1 r2 r3|c1: r0 r1 r2 r3|c2 …|c3 …|   4 channels: a vector
 *   r1 |c0 c1 c2 c3 …|  ────────▶
 *   r2 |…            |             upper output row += quads · (w0, w1, w2, 0)
 *   r3 |…            |             lower output row += quads · (0, w0, w1, w2)
 *
 * A filter of 3 rows and stride 1 takes every quad for two output rows; other strides make one row at
 * a time. Taller filters have several planes. Operands as in `dot-tiles.ts`: weights first, bytes of x
 * as stored or flipped second. Borders hold the zero point as that form writes it; −z_x·Σw is folded
 * into the bias.
 *
 * Bound: a dot grows by at most 4 · 255 · 128 < 2^18 and sums wrap. The plan proves |acc · multiplier|
 * < 2^22, where the sum with 1.5 · 2^23 has the rounded value in its low bits, so that the saturating
 * narrowing needs no clamp before it.
 */
import { CodesRule } from "./depthwise-dot-codes";
import { oneRow, twoRows } from "./depthwise-dot-tiles";
import { DepthwiseParameters } from "./depthwise-rows";
import {
  fillRun,
  interleaveHigh16,
  interleaveHigh8,
  interleaveLow16,
  interleaveLow8,
} from "./lanes";

/**
 * Four rows of `bytes` bytes → quads, of which the first `used` (2, 3 or 4) have weights: the others may
 * hold anything. Writes up to 60 bytes beyond.
 */
@inline
function interleaveQuads(
  r0: usize,
  r1: usize,
  r2: usize,
  r3: usize,
  to: usize,
  bytes: i32,
  flip: v128,
  used: i32,
): void {
  for (let i: usize = 0; i < <usize>bytes; i += 16) {
    const a = v128.xor(v128.load(r0 + i), flip);
    const b = v128.xor(v128.load(r1 + i), flip);
    const abl = interleaveLow8(a, b);
    const abh = interleaveHigh8(a, b);
    let cdl = abl;
    let cdh = abh;
    if (used > 2) {
      const c = v128.xor(v128.load(r2 + i), flip);
      const d = used > 3 ? v128.xor(v128.load(r3 + i), flip) : c;
      cdl = interleaveLow8(c, d);
      cdh = interleaveHigh8(c, d);
    }
    v128.store(to, interleaveLow16(abl, cdl));
    v128.store(to, interleaveHigh16(abl, cdl), 16);
    v128.store(to, interleaveLow16(abh, cdh), 32);
    v128.store(to, interleaveHigh16(abh, cdh), 48);
    to += 64;
  }
}

/** Scratch: the planes, then a row of zero points as x would hold them. */
@inline
function borderRow(p: DepthwiseParameters, scratch: usize): usize {
  return scratch + p.planes * p.rowBytes;
}


@inline
function rowAt(p: DepthwiseParameters, image: usize, row: i32, border: usize): usize {
  return <u32>row < <u32>p.inputHeight ? image + row * p.inputWidth * p.xStride : border;
}

/** The planes of the output rows from `oy` on, `rows` of them. */
@inline
function loadPlanes(
  p: DepthwiseParameters,
  image: usize,
  oy: i32,
  rows: i32,
  scratch: usize,
): void {
  const flip = i32x4.splat(p.inputFlip);
  const pad = i8x16.splat(<i8>p.padCode);
  const border = borderRow(p, scratch);
  const inside = p.inputWidth * p.channels;
  const quad = p.channels * 4;
  const step = p.dilationY;
  let row = oy * p.strideY - p.padTop;
  let to = scratch;
  for (let used = p.filterHeight + rows - 1; used > 0; used -= 4) {
    const interior = to + p.padLeft * quad;
    fillRun(to, pad, p.padLeft * quad);
    const r0 = rowAt(p, image, row, border);
    const r1 = rowAt(p, image, row + step, border);
    const r2 = rowAt(p, image, row + 2 * step, border);
    const r3 = rowAt(p, image, row + 3 * step, border);
    if (used >= 4) interleaveQuads(r0, r1, r2, r3, interior, inside, flip, 4);
    else if (used == 3) interleaveQuads(r0, r1, r2, r3, interior, inside, flip, 3);
    else interleaveQuads(r0, r1, r2, r3, interior, inside, flip, 2);
    fillRun(interior + inside * 4, pad, p.padRight * quad);
    row += 4 * step;
    to += p.rowBytes;
  }
}

/** A tile of output rows, `rows` at a time. R: what becomes of accumulators. */
@inline
export function depthwiseDot<R>(
  p: DepthwiseParameters,
  scratch: usize,
  tile: i32,
  rows: i32,
): void {
  const n = tile / p.tilesPerImage;
  const start = (tile % p.tilesPerImage) * p.tileRows;
  const end = min(start + p.tileRows, p.outputHeight);
  const image = p.x + n * p.inputHeight * p.inputWidth * p.xStride;
  const rowStride = p.outputWidth * p.yStride;
  let y = p.y + (n * p.outputHeight + start) * rowStride;
  const zero = v128.xor(i8x16.splat(<i8>p.padCode), i32x4.splat(p.inputFlip));
  fillRun(borderRow(p, scratch), zero, p.inputWidth * p.channels);
  for (let oy = start; oy < end; oy += rows) {
    loadPlanes(p, image, oy, rows, scratch);
    if (rows == 2) twoRows<R>(p, scratch, y, oy + 1 < end);
    else oneRow<R>(p, scratch, y);
    y += rows * rowStride;
  }
}

/** Stride 1. */
export function depthwise_x8_i8_2x4x8c4_relaxed(
  parameters: usize,
  scratch: usize,
  tile: i32,
): void {
  depthwiseDot<CodesRule>(changetype<DepthwiseParameters>(parameters), scratch, tile, 2);
}

/** Any stride and dilation. */
export function depthwise_x8_i8_4x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  depthwiseDot<CodesRule>(changetype<DepthwiseParameters>(parameters), scratch, tile, 1);
}
