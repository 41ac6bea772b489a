/**
 * Convolution by im2col per strip: the windows of a strip's pixels are copied to scratch as rows in
 * the order (kh, kw, c), packed, and multiplied by the tiles of `gemm.ts`. The copied matrix never
 * exists as a whole.
 *
 * One pixel's row, filter 3x3, at the left border of the image:
 *
 *     kh 0: │ border·c │ x[iy, 0..2) as one run of 2·c bytes │
 *     kh 1: │ …                                             │   depth = 9·c bytes, then slack
 *     kh 2: │ …                                             │
 *
 * Border cells hold the zero point of x (0 for float32), so that the folded bias is right there too.
 * Also the form of a sub-convolution that writes every s-th pixel of y (`lower/transpose-conv.ts`):
 * rows and images of y have their own strides.
 */
import { Int8, Narrowed, UInt8 } from "./formats/integer";
import { integerTile, PairsOfInt16, PairsOfInt8 } from "./gemm";
import { GridParameters, OFFSETS, stripOf } from "./grid";
import { copyRun, fillRun } from "./lanes";
import { narrowRow } from "./low-bit";
import { interleaveRows, MR, PACK_SLACK, widenRow } from "./pack";


@unmanaged
export class ConvParameters extends GridParameters {
  /** Extents of x, and bytes from pixel to pixel. */
  height: i32;
  width: i32;
  xStride: i32;
  /** Bytes of one pixel that this convolution reads: all channels, or those of its group. */
  channelBytes: i32;
  outHeight: i32;
  outWidth: i32;
  kernelHeight: i32;
  kernelWidth: i32;
  strideY: i32;
  strideX: i32;
  dilationY: i32;
  dilationX: i32;
  /** First row and column of the window of y[0, 0], negated: may be below 0. */
  top: i32;
  left: i32;
  /** The byte of border cells. */
  border: i32;
  /** Bytes from row to row and image to image of y. */
  yRowStride: i32;
  yImageStride: i32;

  /** Packs the windows of pixels [first, first + rows) of all images. */
  @inline
  pack<X>(first: i32, rows: i32, scratch: usize): void {
    packWindows<X>(this, first, rows, scratch);
  }
}

/** Bytes behind a gathered row that the last copy or the packing may touch. */
const ROW_SLACK: usize = 32;

function packWindows<X>(p: ConvParameters, first: i32, rows: i32, scratch: usize): void {
  const units = p.units;
  const kernelHeight = p.kernelHeight;
  const runBytes = <usize>(p.kernelWidth * p.channelBytes);
  const windowBytes = (<usize>kernelHeight * runBytes + 15) & ~15;
  const rowBytes = windowBytes + ROW_SLACK;
  const isDense = p.dilationX == 1 && p.channelBytes == p.xStride;
  const lineBytes = p.width * p.xStride;
  const tapRowBytes = <usize>(lineBytes * p.dilationY);
  const pixelBytes = <usize>(p.strideX * p.xStride);
  const lastX = p.width - p.kernelWidth;
  let offsets = scratch + OFFSETS;
  let to = stripOf(p, scratch);
  const gathered = to + <usize>p.stripRows * <usize>units * 4 + PACK_SLACK;

  let row = first;
  const end = first + rows;
  // Pixels that follow each other in a row of y differ by constants alone.
  let leftInRow = 0;
  let image = 0;
  let x = 0;
  let y = 0;
  let from: usize = 0;
  let offset = 0;
  let isRowInside = false;
  while (row < end) {
    const count = end - row >= MR ? MR : 1;
    let gather = gathered;
    for (let i = 0; i < count; i++) {
      if (leftInRow == 0) {
        const ox = (row + i) % p.outWidth;
        const line = (row + i) / p.outWidth;
        const oy = line % p.outHeight;
        image = line / p.outHeight;
        leftInRow = p.outWidth - ox;
        x = ox * p.strideX - p.left;
        y = oy * p.strideY - p.top;
        const lastY = y + (kernelHeight - 1) * p.dilationY;
        isRowInside = isDense && min(y, lastY) >= 0 && max(y, lastY) < p.height;
        from = p.x + <usize>((image * p.height + y) * lineBytes + x * p.xStride);
        offset = image * p.yImageStride + oy * p.yRowStride + ox * p.yStride;
      }
      if (isRowInside && x >= 0 && x <= lastX) {
        let run = gather;
        let source = from;
        for (let ky = 0; ky < kernelHeight; ky++) {
          copyRun(run, source, runBytes);
          run += runBytes;
          source += tapRowBytes;
        }
      } else {
        gatherAcross(p, image, y, x, isDense, gather);
      }
      if (changetype<X>(0).isNarrowed()) narrowRow(p, gather, windowBytes);
      store<i32>(offsets, offset);
      offsets += 4;
      gather += rowBytes;
      leftInRow--;
      x += p.strideX;
      from += pixelBytes;
      offset += p.yStride;
    }
    if (count == MR) {
      interleaveRows<X>(
        to,
        gathered,
        gathered + rowBytes,
        gathered + 2 * rowBytes,
        gathered + 3 * rowBytes,
        units,
      );
    } else {
      widenRow<X>(to, gathered, units);
    }
    to += <usize>(units * count) * 4;
    row += count;
  }
}

/** Any window: cells outside the image are border. */
export function gatherAcross(
  p: ConvParameters,
  image: i32,
  y: i32,
  x: i32,
  isDense: bool,
  to: usize,
): void {
  const width = p.width;
  const kernelWidth = p.kernelWidth;
  const channelBytes = <usize>p.channelBytes;
  const stride = <usize>p.xStride;
  const border = i8x16.splat(<i8>p.border);
  const rowBytes = <usize>kernelWidth * channelBytes;
  // Taps of a dense kernel row: before the image, inside it, behind it.
  const before = <usize>min(max(-x, 0), kernelWidth) * channelBytes;
  const inside = <usize>max(min(x + kernelWidth, width) - max(x, 0), 0) * channelBytes;
  for (let ky = 0; ky < p.kernelHeight; ky++, y += p.dilationY) {
    if (<u32>y >= <u32>p.height) {
      fillRun(to, border, rowBytes);
      to += rowBytes;
      continue;
    }
    const line = p.x + <usize>((image * p.height + y) * width) * stride;
    if (isDense) {
      fillRun(to, border, before);
      copyRun(to + before, line + <usize>max(x, 0) * stride, inside);
      fillRun(to + before + inside, border, rowBytes - before - inside);
      to += rowBytes;
      continue;
    }
    let tap = x;
    for (let kx = 0; kx < kernelWidth; kx++, tap += p.dilationX) {
      if (<u32>tap >= <u32>width) fillRun(to, border, channelBytes);
      else copyRun(to, line + <usize>tap * stride, channelBytes);
      to += channelBytes;
    }
  }
}

/** int8 · int8. */
export function conv_i8_i8_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<ConvParameters, Int8, PairsOfInt8>(
    changetype<ConvParameters>(parameters),
    scratch,
    tile,
  );
}

/** uint8 · int8. */
export function conv_u8_i8_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<ConvParameters, UInt8, PairsOfInt8>(
    changetype<ConvParameters>(parameters),
    scratch,
    tile,
  );
}

/** int8 · (weight − zero point) as int16. */
export function conv_i8_i16_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<ConvParameters, Int8, PairsOfInt16>(
    changetype<ConvParameters>(parameters),
    scratch,
    tile,
  );
}

/** uint8 · (weight − zero point) as int16: legacy uint8 models. */
export function conv_u8_i16_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<ConvParameters, UInt8, PairsOfInt16>(
    changetype<ConvParameters>(parameters),
    scratch,
    tile,
  );
}

/** int8 or uint8 narrowed to 4 bits or fewer · int8. */
export function conv_u4_i8_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<ConvParameters, Narrowed, PairsOfInt8>(
    changetype<ConvParameters>(parameters),
    scratch,
    tile,
  );
}
