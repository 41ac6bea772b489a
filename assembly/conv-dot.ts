/**
 * Convolution on the relaxed dot (`gemm-dot.ts`): the windows of a strip's pixels as byte rows in the
 * order (kh, kw, c), copied by runs as in `conv.ts`; no interleaving follows.
 */
import { ConvParameters, gatherAcross } from "./conv";
import { FlippedQuads, NarrowedQuads, Quads } from "./formats/quads";
import { NR, OFFSETS, stripOf } from "./grid";
import { rowBytes } from "./byte-rows";
import { sweepStrip } from "./gemm-dot";
import { narrowRow } from "./low-bit";

/** One run of a window. Reads and writes up to 15 bytes beyond. */
@inline
function copyBytes<X>(to: usize, from: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    v128.store(to + i, changetype<X>(from + i).widen());
  }
}

/**
 * Windows inside the image that follow each other in a row of y. The last run of a window may be
 * written over the start of the next, which is written later.
 */
@inline
function copyWindows<X>(
  p: ConvParameters,
  to: usize,
  from: usize,
  windows: i32,
  runBytes: usize,
  tapRowBytes: usize,
): void {
  const kernelHeight = p.kernelHeight;
  const pixelBytes = <usize>(p.strideX * p.xStride);
  const bytes = rowBytes(p);
  const end = to + <usize>windows * bytes;
  if (kernelHeight == 3 && runBytes <= 16) {
    // The first layer of most networks: three runs of 9 bytes.
    while (to < end) {
      v128.store(to, changetype<X>(from).widen());
      v128.store(to + runBytes, changetype<X>(from + tapRowBytes).widen());
      v128.store(to + 2 * runBytes, changetype<X>(from + 2 * tapRowBytes).widen());
      from += pixelBytes;
      to += bytes;
    }
    return;
  }
  while (to < end) {
    let run = to;
    let source = from;
    for (let ky = 0; ky < kernelHeight; ky++) {
      copyBytes<X>(run, source, runBytes);
      run += runBytes;
      source += tapRowBytes;
    }
    from += pixelBytes;
    to += bytes;
  }
}

/** The windows of pixels [first, first + rows) of all images, and their places in y. */
export function gatherBytes<X>(p: ConvParameters, first: i32, rows: i32, scratch: usize): void {
  const runBytes = <usize>(p.kernelWidth * p.channelBytes);
  const bytes = rowBytes(p);
  const isDense = p.dilationX == 1 && p.channelBytes == p.xStride;
  const lineBytes = p.width * p.xStride;
  const tapRowBytes = <usize>(lineBytes * p.dilationY);
  const lastX = p.width - p.kernelWidth;
  let offsets = scratch + OFFSETS;
  let to = stripOf(p, scratch);
  for (let row = first, end = first + rows; row < end;) {
    // Pixels of one row of y differ by constants alone.
    const ox = row % p.outWidth;
    const line = row / p.outWidth;
    const oy = line % p.outHeight;
    const image = line / p.outHeight;
    const y = oy * p.strideY - p.top;
    const lastY = y + (p.kernelHeight - 1) * p.dilationY;
    const isRowInside = isDense && min(y, lastY) >= 0 && max(y, lastY) < p.height;
    let x = ox * p.strideX - p.left;
    let left = min(p.outWidth - ox, end - row);
    let offset = image * p.yImageStride + oy * p.yRowStride + ox * p.yStride;
    row += left;
    for (let i = 0; i < left; i++) {
      store<i32>(offsets, offset);
      offsets += 4;
      offset += p.yStride;
    }
    while (left > 0) {
      if (isRowInside && x >= 0 && x <= lastX) {
        const windows = min(left, (lastX - x) / p.strideX + 1);
        const from = p.x + <usize>((image * p.height + y) * lineBytes + x * p.xStride);
        copyWindows<X>(p, to, from, windows, runBytes, tapRowBytes);
        if (changetype<X>(0).isNarrowed()) narrowRow(p, to, <usize>windows * bytes);
        to += <usize>windows * bytes;
        x += windows * p.strideX;
        left -= windows;
      } else {
        gatherAcross(p, image, y, x, isDense, to);
        if (changetype<X>(0).isNarrowed()) narrowRow(p, to, bytes);
        else if (!changetype<X>(0).isRaw()) copyBytes<X>(to, to, bytes);
        to += bytes;
        x += p.strideX;
        left--;
      }
    }
  }
}

/** Windows that are copied to rows as they are. */
@unmanaged
export class CopiedWindows extends ConvParameters {
  /** Makes a strip of the windows of pixels [first, first + rows), and returns it. */
  @inline
  lay(first: i32, rows: i32, scratch: usize): usize {
    gatherBytes<Quads>(this, first, rows, scratch);
    return stripOf(this, scratch);
  }

  /** Bytes from row to row of a strip. */
  @inline
  stride(): usize {
    return rowBytes(this);
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
export function conv_x8_i8_6x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  convTile<Quads>(changetype<ConvParameters>(parameters), scratch, tile);
}

/** Flipped bytes · int8. */
export function conv_f8_i8_6x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  convTile<FlippedQuads>(changetype<ConvParameters>(parameters), scratch, tile);
}

/** Bytes narrowed to 4 bits or fewer · int8: either class reads them alike. */
export function conv_u4_i8_6x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  convTile<NarrowedQuads>(changetype<ConvParameters>(parameters), scratch, tile);
}
