/**
 * Weights in blocks (`block-panels.ts`) on the relaxed dot with accumulation: five rows of the tile of `dot-tiles.ts`,
 * whose ten sums become float32 at the end of each block. Their totals lie in memory: with ten more
 * vectors alive V8 would spill the sums.
 *
 * A block of 32 k: 8 units of 17 instructions, then 44 of which none multiplies bytes; of 64: 16 units.
 */
import {
  addBlock,
  BLOCK,
  blockCountOf,
  blocksOf,
  blockUnitsOf,
  openBlocks,
  QuadUnit,
  storeTotals,
  tapUnitsOf,
} from "./block-panels";
import { convBytes, gemmBytes } from "./byte-tile";
import { ConvParameters } from "./conv";
import { FlippedQuads, NarrowedQuads, Quads } from "./formats/quads";
import { GemmParameters } from "./gemm";
import { GridParameters, NR, OFFSETS } from "./grid";
import { storeConstants } from "./requantize/fp32";

/** Rows of a tile. */
const MR: i32 = 5;
/** Bytes of one unit of a panel: 8 columns of 4 k. */
const PANEL_UNIT: usize = 32;
/** Bytes of the totals of one row. */
const TOTALS: usize = 32;


@inline
function dot(w: v128, a: v128, c: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, a, c);
}

/** 5 rows × 8 columns, all of k; the totals of the rows to `totals`. */
@inline
function tile5x8(
  p: GridParameters,
  a: usize,
  stride: usize,
  left: i32,
  w: usize,
  tail: usize,
  block: usize,
  totals: usize,
): void {
  // Rows beyond the last are the last: they give its results again, in its place.
  let a0 = a;
  let a1 = a0 + (left > 1 ? stride : 0);
  let a2 = a1 + (left > 2 ? stride : 0);
  let a3 = a2 + (left > 3 ? stride : 0);
  let a4 = a3 + (left > 4 ? stride : 0);
  const zero = f32x4.splat(0);
  for (let at: usize = 0; at < <usize>MR * TOTALS; at += 16) v128.store(totals + at, zero);
  const blockUnits = blockUnitsOf(p);
  const tapUnits = tapUnitsOf(p);
  let inTap = tapUnits;
  while (w < tail) {
    const units = min(blockUnits, inTap);
    inTap -= units;
    if (inTap == 0) inTap = tapUnits;
    const end = w + <usize>units * PANEL_UNIT;
    let c0l = v128.load(block);
    let c0h = v128.load(block, 16);
    let c1l = c0l;
    let c1h = c0h;
    let c2l = c0l;
    let c2h = c0h;
    let c3l = c0l;
    let c3h = c0h;
    let c4l = c0l;
    let c4h = c0h;
    while (w < end) {
      const wl = v128.load(w);
      const wh = v128.load(w, 16);
      const x0 = v128.load32_splat(a0);
      c0l = dot(wl, x0, c0l);
      c0h = dot(wh, x0, c0h);
      const x1 = v128.load32_splat(a1);
      c1l = dot(wl, x1, c1l);
      c1h = dot(wh, x1, c1h);
      const x2 = v128.load32_splat(a2);
      c2l = dot(wl, x2, c2l);
      c2h = dot(wh, x2, c2h);
      const x3 = v128.load32_splat(a3);
      c3l = dot(wl, x3, c3l);
      c3h = dot(wh, x3, c3h);
      const x4 = v128.load32_splat(a4);
      c4l = dot(wl, x4, c4l);
      c4h = dot(wh, x4, c4h);
      a0 += 4;
      a1 += 4;
      a2 += 4;
      a3 += 4;
      a4 += 4;
      w += PANEL_UNIT;
    }
    addBlock(totals, c0l, c0h, block);
    addBlock(totals + 32, c1l, c1h, block);
    addBlock(totals + 64, c2l, c2h, block);
    addBlock(totals + 96, c3l, c3h, block);
    addBlock(totals + 128, c4l, c4h, block);
    block += BLOCK;
  }
}

/** A strip of byte rows against panels [first, last). */
function sweepBlocks(
  p: GridParameters,
  strip: usize,
  stride: usize,
  rows: i32,
  first: i32,
  last: i32,
  scratch: usize,
): void {
  const size = <usize>p.units * PANEL_UNIT;
  const totals = scratch + <usize>p.lowBitScratch;
  const blocks = <usize>blockCountOf(p);
  storeConstants(p, scratch);
  for (let panel = first; panel < last; panel++) {
    const w = openBlocks<QuadUnit>(p, panel, scratch);
    const block = blocksOf(w, size);
    const tail = block + blocks * BLOCK;
    const y = p.y + <usize>(panel * NR);
    const columns = p.n - panel * NR;
    let a = strip;
    let row: usize = scratch + OFFSETS;
    for (let left = rows; left > 0; left -= MR) {
      tile5x8(p, a, stride, left, w, w + size, block, totals);
      const y0 = y + load<u32>(row);
      const y1 = left > 1 ? y + load<u32>(row, 4) : y0;
      const y2 = left > 2 ? y + load<u32>(row, 8) : y1;
      const y3 = left > 3 ? y + load<u32>(row, 12) : y2;
      const y4 = left > 4 ? y + load<u32>(row, 16) : y3;
      const last = totals + 4 * TOTALS;
      storeTotals(totals, totals + TOTALS, tail, y0, y1, columns, scratch);
      storeTotals(totals + 2 * TOTALS, totals + 3 * TOTALS, tail, y2, y3, columns, scratch);
      storeTotals(last, last, tail, y4, y4, columns, scratch);
      a += stride * MR;
      row += 4 * MR;
    }
  }
}

/** How a strip of byte rows is multiplied. */
@unmanaged
class Blocks {

  @inline
  sweep(
    p: GridParameters,
    strip: usize,
    stride: usize,
    rows: i32,
    first: i32,
    last: i32,
    scratch: usize,
  ): void {
    sweepBlocks(p, strip, stride, rows, first, last, scratch);
  }
}

/** Bytes as they are · codes in blocks. */
export function gemm_x8_g4_5x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  gemmBytes<Quads, Blocks>(changetype<GemmParameters>(parameters), scratch, tile);
}

/** Flipped bytes · codes in blocks. */
export function gemm_f8_g4_5x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  gemmBytes<FlippedQuads, Blocks>(changetype<GemmParameters>(parameters), scratch, tile);
}

/** Windows of bytes as they are · codes in blocks. */
export function conv_x8_g4_5x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  convBytes<Quads, Blocks>(changetype<ConvParameters>(parameters), scratch, tile);
}

/** Windows of flipped bytes · codes in blocks. */
export function conv_f8_g4_5x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  convBytes<FlippedQuads, Blocks>(changetype<ConvParameters>(parameters), scratch, tile);
}

/** Windows narrowed to 4 bits or fewer · codes in blocks. */
export function conv_u4_g4_5x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  convBytes<NarrowedQuads, Blocks>(changetype<ConvParameters>(parameters), scratch, tile);
}
