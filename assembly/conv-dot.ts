/**
 * Convolution on the relaxed dot (`gemm-dot.ts`): the windows of a strip's pixels as byte rows in the
 * order (kh, kw, c), copied by runs as in `conv.ts`; no interleaving follows.
 */
import { ConvParameters, gatherAcross } from "./conv";
import { FlippedQuads, Quads } from "./formats/quads";
import { NR, OFFSETS, stripOf } from "./gemm";
import { rowBytes, sweepStrip } from "./gemm-dot";
import { copyRun } from "./lanes";

/** The windows of pixels [first, first + rows) of all images, and their places in y. */
function gatherBytes<X>(p: ConvParameters, first: i32, rows: i32, scratch: usize): void {
  const kernelHeight = p.kernelHeight;
  const runBytes = <usize>(p.kernelWidth * p.channelBytes);
  const bytes = rowBytes(p);
  const isDense = p.dilationX == 1 && p.channelBytes == p.xStride;
  const lineBytes = p.width * p.xStride;
  const tapRowBytes = <usize>(lineBytes * p.dilationY);
  const pixelBytes = <usize>(p.strideX * p.xStride);
  const lastX = p.width - p.kernelWidth;
  let offsets = scratch + OFFSETS;
  let to = stripOf(p, scratch);
  // Pixels that follow each other in a row of y differ by constants alone.
  let leftInRow = 0;
  let image = 0;
  let x = 0;
  let y = 0;
  let from: usize = 0;
  let offset = 0;
  let isRowInside = false;
  for (let row = first, end = first + rows; row < end; row++) {
    if (leftInRow == 0) {
      const ox = row % p.outWidth;
      const line = row / p.outWidth;
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
      let run = to;
      let source = from;
      for (let ky = 0; ky < kernelHeight; ky++) {
        copyRun(run, source, runBytes);
        run += runBytes;
        source += tapRowBytes;
      }
    } else {
      gatherAcross(p, image, y, x, isDense, to);
    }
    if (!changetype<X>(0).isRaw()) {
      for (let at: usize = 0; at < bytes; at += 16) {
        v128.store(to + at, changetype<X>(to + at).widen());
      }
    }
    store<i32>(offsets, offset);
    offsets += 4;
    to += bytes;
    leftInRow--;
    x += p.strideX;
    from += pixelBytes;
    offset += p.yStride;
  }
}


@inline
function convTile<X>(p: ConvParameters, scratch: usize, tile: i32): void {
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstRow = (tile / p.chunks) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  for (let row = firstRow; row < lastRow; row += p.stripRows) {
    const rows = min(p.stripRows, lastRow - row);
    gatherBytes<X>(p, row, rows, scratch);
    sweepStrip(p, stripOf(p, scratch), rowBytes(p), rows, firstPanel, lastPanel, scratch);
  }
}

/** Bytes as they are · int8. */
export function conv_x8_i8_5x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  convTile<Quads>(changetype<ConvParameters>(parameters), scratch, tile);
}

/** Flipped bytes · int8. */
export function conv_f8_i8_5x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  convTile<FlippedQuads>(changetype<ConvParameters>(parameters), scratch, tile);
}
