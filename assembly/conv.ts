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
import { Int16, Int8, UInt8 } from "./formats/integer";
import { GridParameters, integerTile, OFFSETS, stripOf } from "./gemm";
import { copyRun, fillRun } from "./lanes";
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

export function packWindows<X>(p: ConvParameters, first: i32, rows: i32, scratch: usize): void {
  const units = p.units;
  const rowBytes =
    ((<usize>(p.kernelHeight * p.kernelWidth) * <usize>p.channelBytes + 15) & ~15) + ROW_SLACK;
  let offsets = scratch + OFFSETS;
  let to = stripOf(p, scratch);
  const gathered = to + <usize>p.stripRows * <usize>units * 4 + PACK_SLACK;

  let ox = first % p.outWidth;
  let oy = (first / p.outWidth) % p.outHeight;
  let image = first / p.outWidth / p.outHeight;
  for (let left = rows; left > 0;) {
    const count = left >= MR ? MR : 1;
    let row = gathered;
    for (let i = 0; i < count; i++) {
      gatherWindow(p, image, oy, ox, row);
      row += rowBytes;
      store<i32>(offsets, image * p.yImageStride + oy * p.yRowStride + ox * p.yStride);
      offsets += 4;
      if (++ox == p.outWidth) {
        ox = 0;
        if (++oy == p.outHeight) {
          oy = 0;
          image++;
        }
      }
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
    left -= count;
  }
}

/** Copies the window of one output pixel; runs are one kernel row long where taps are neighbours. */
function gatherWindow(p: ConvParameters, image: i32, oy: i32, ox: i32, to: usize): void {
  const width = p.width;
  const kernelWidth = p.kernelWidth;
  const channelBytes = <usize>p.channelBytes;
  const stride = <usize>p.xStride;
  const border = i8x16.splat(<i8>p.border);
  const rowBytes = <usize>kernelWidth * channelBytes;
  const x = ox * p.strideX - p.left;
  const dense = p.dilationX == 1 && channelBytes == stride;
  // Taps of a dense kernel row: before the image, inside it, behind it.
  const before = <usize>min(max(-x, 0), kernelWidth) * channelBytes;
  const inside = <usize>max(min(x + kernelWidth, width) - max(x, 0), 0) * channelBytes;
  let y = oy * p.strideY - p.top;
  for (let ky = 0; ky < p.kernelHeight; ky++, y += p.dilationY) {
    if (<u32>y >= <u32>p.height) {
      fillRun(to, border, rowBytes);
      to += rowBytes;
      continue;
    }
    const line = p.x + <usize>((image * p.height + y) * width) * stride;
    if (dense) {
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
  integerTile<ConvParameters, Int8, Int8>(changetype<ConvParameters>(parameters), scratch, tile);
}

/** uint8 · int8. */
export function conv_u8_i8_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<ConvParameters, UInt8, Int8>(changetype<ConvParameters>(parameters), scratch, tile);
}

/** int8 · (weight − zero point) as int16. */
export function conv_i8_i16_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<ConvParameters, Int8, Int16>(changetype<ConvParameters>(parameters), scratch, tile);
}

/** uint8 · (weight − zero point) as int16: legacy uint8 models. */
export function conv_u8_i16_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<ConvParameters, UInt8, Int16>(changetype<ConvParameters>(parameters), scratch, tile);
}
