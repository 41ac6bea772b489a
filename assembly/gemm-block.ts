/**
 * Weights in blocks (`block-panels.ts`) on plain SIMD: the tiles of `gemm.ts` over int8 pairs, whose sums
 * become float32 at the end of each block.
 */
import {
  addBlock,
  BLOCK,
  blockCountOf,
  blocksOf,
  blockUnitsOf,
  openBlocks,
  PairUnit,
  storeTotals,
  tapUnitsOf,
} from "./block-panels";
import { ConvParameters } from "./conv";
import { Int8, Narrowed, UInt8 } from "./formats/integer";
import { GemmParameters, UNIT } from "./gemm";
import { GridParameters, NR, OFFSETS, stripOf } from "./grid";
import { MR } from "./pack";
import { storeConstants } from "./requantize/fp32";

/** Bytes of one unit of a panel: 8 columns of 2 k. */
const PANEL_UNIT: usize = 16;
/** Bytes of the totals of one row. */
const TOTALS: usize = 32;


@inline
function dot(c: v128, a: v128, w: v128): v128 {
  return i32x4.add(c, i32x4.dot_i16x8_s(a, w));
}

/** 4 interleaved rows × 8 columns, all of k; the totals of the rows to `totals`. */
@inline
function tile4x8(
  p: GridParameters,
  a: usize,
  w: usize,
  tail: usize,
  block: usize,
  totals: usize,
): void {
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
    while (w < end) {
      const wl = changetype<Int8>(w).widen();
      const wh = changetype<Int8>(w).widenSecond();
      const x0 = v128.load32_splat(a);
      c0l = dot(c0l, x0, wl);
      c0h = dot(c0h, x0, wh);
      const x1 = v128.load32_splat(a, 4);
      c1l = dot(c1l, x1, wl);
      c1h = dot(c1h, x1, wh);
      const x2 = v128.load32_splat(a, 8);
      c2l = dot(c2l, x2, wl);
      c2h = dot(c2h, x2, wh);
      const x3 = v128.load32_splat(a, 12);
      c3l = dot(c3l, x3, wl);
      c3h = dot(c3h, x3, wh);
      a += UNIT * MR;
      w += PANEL_UNIT;
    }
    addBlock(totals, c0l, c0h, block);
    addBlock(totals + 32, c1l, c1h, block);
    addBlock(totals + 64, c2l, c2h, block);
    addBlock(totals + 96, c3l, c3h, block);
    block += BLOCK;
  }
}

/** 1 row × 8 columns: a strip's rows behind its last four. */
@inline
function tile1x8(
  p: GridParameters,
  a: usize,
  w: usize,
  tail: usize,
  block: usize,
  totals: usize,
): void {
  v128.store(totals, f32x4.splat(0));
  v128.store(totals, f32x4.splat(0), 16);
  const blockUnits = blockUnitsOf(p);
  const tapUnits = tapUnitsOf(p);
  let inTap = tapUnits;
  while (w < tail) {
    const units = min(blockUnits, inTap);
    inTap -= units;
    if (inTap == 0) inTap = tapUnits;
    const end = w + <usize>units * PANEL_UNIT;
    let cl = v128.load(block);
    let ch = v128.load(block, 16);
    while (w < end) {
      const x = v128.load32_splat(a);
      cl = dot(cl, x, changetype<Int8>(w).widen());
      ch = dot(ch, x, changetype<Int8>(w).widenSecond());
      a += UNIT;
      w += PANEL_UNIT;
    }
    addBlock(totals, cl, ch, block);
    block += BLOCK;
  }
}

/** A packed strip against panels [first, last). */
function sweepBlocks(p: GridParameters, rows: i32, first: i32, last: i32, scratch: usize): void {
  const size = <usize>p.units * PANEL_UNIT;
  const rowBytes = <usize>p.units * UNIT;
  const totals = scratch + <usize>p.lowBitScratch;
  const blocks = <usize>blockCountOf(p);
  storeConstants(p, scratch);
  for (let panel = first; panel < last; panel++) {
    const w = openBlocks<PairUnit>(p, panel, scratch);
    const block = blocksOf(w, size);
    const tail = block + blocks * BLOCK;
    const y = p.y + <usize>(panel * NR);
    const columns = p.n - panel * NR;
    let a = stripOf(p, scratch);
    let row: usize = scratch + OFFSETS;
    let left = rows;
    for (; left >= MR; left -= MR) {
      tile4x8(p, a, w, w + size, block, totals);
      const y0 = y + load<u32>(row);
      const y1 = y + load<u32>(row, 4);
      const y2 = y + load<u32>(row, 8);
      const y3 = y + load<u32>(row, 12);
      storeTotals(totals, totals + TOTALS, tail, y0, y1, columns, scratch);
      storeTotals(totals + 2 * TOTALS, totals + 3 * TOTALS, tail, y2, y3, columns, scratch);
      a += rowBytes * MR;
      row += 4 * MR;
    }
    for (; left > 0; left--) {
      tile1x8(p, a, w, w + size, block, totals);
      const y0 = y + load<u32>(row);
      storeTotals(totals, totals, tail, y0, y0, columns, scratch);
      a += rowBytes;
      row += 4;
    }
  }
}


@inline
function blockTile<P, X>(p: P, scratch: usize, tile: i32): void {
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstRow = (tile / p.chunks) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  for (let row = firstRow; row < lastRow; row += p.stripRows) {
    const rows = min(p.stripRows, lastRow - row);
    p.pack<X>(row, rows, scratch);
    sweepBlocks(p, rows, firstPanel, lastPanel, scratch);
  }
}

/** int8 · codes in blocks. */
export function gemm_i8_g4_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  blockTile<GemmParameters, Int8>(changetype<GemmParameters>(parameters), scratch, tile);
}

/** uint8 · codes in blocks. */
export function gemm_u8_g4_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  blockTile<GemmParameters, UInt8>(changetype<GemmParameters>(parameters), scratch, tile);
}

/** Windows of int8 · codes in blocks. */
export function conv_i8_g4_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  blockTile<ConvParameters, Int8>(changetype<ConvParameters>(parameters), scratch, tile);
}

/** Windows of uint8 · codes in blocks. */
export function conv_u8_g4_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  blockTile<ConvParameters, UInt8>(changetype<ConvParameters>(parameters), scratch, tile);
}

/** Windows narrowed to 4 bits or fewer · codes in blocks. */
export function conv_u4_g4_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  blockTile<ConvParameters, Narrowed>(changetype<ConvParameters>(parameters), scratch, tile);
}
