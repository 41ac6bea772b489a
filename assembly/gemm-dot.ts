/**
 * The matrix-product family on the tiles of `dot-tiles.ts`: strips of byte rows against panels, freed
 * where they are packed. One row or two of packed panels multiply in registers (`gemm-packed.ts`).
 */
import { packBytes, rowBytes } from "./byte-rows";
import { MR, PANEL_UNIT, tile1x8, tile6x8 } from "./dot-tiles";
import { FlippedQuads, Quads } from "./formats/quads";
import { GemmParameters } from "./gemm";
import { isPacked, PACKED_ROWS, rowTimesPacked, sumOfRow } from "./gemm-packed";
import { GridParameters, NR, OFFSETS, stripOf } from "./grid";
import { openPanel } from "./low-bit";
import { SmallFp32Rule } from "./requantize/fp32-rules";
import { RULE_SMALL_FP32 } from "./requantize/output";
import { ReferenceRule } from "./requantize/reference-rule";

/** A few rows against packed panels [first, last), one by one. */
function sweepPacked(
  p: GridParameters,
  strip: usize,
  stride: usize,
  rows: i32,
  first: i32,
  last: i32,
  scratch: usize,
): void {
  const rule = changetype<SmallFp32Rule>(p);
  rule.prepare(scratch);
  const sums = scratch + <usize>p.lowBitScratch;
  const offset = i32x4.splat(-p.weightOffset);
  let row: usize = scratch + OFFSETS;
  for (let i = 0; i < rows; i++) {
    const term = i32x4.mul(sumOfRow(strip, p.units), offset);
    for (let panel = first; panel < last; panel++) {
      const w = p.w + <usize>panel * <usize>p.panelBytes;
      const multipliers = rowTimesPacked(p, strip, w, term, sums);
      const y = p.y + <usize>(panel * NR) + load<u32>(row);
      const low = v128.load(sums);
      const high = v128.load(sums, 16);
      rule.storeRows(low, high, low, high, multipliers, y, y, p.n - panel * NR, scratch);
    }
    strip += stride;
    row += 4;
  }
}

/** A strip of byte rows against panels [first, last). */
function sweepBytes<R>(
  p: GridParameters,
  strip: usize,
  stride: usize,
  rows: i32,
  first: i32,
  last: i32,
  scratch: usize,
): void {
  // The other rules are seldom, and code is bytes to load.
  if (p.rule == RULE_SMALL_FP32 && isPacked(p) && rows <= PACKED_ROWS) {
    sweepPacked(p, strip, stride, rows, first, last, scratch);
    return;
  }
  const rule = changetype<R>(p);
  const units = p.units;
  rule.prepare(scratch);
  // While a panel is multiplied with all rows, the next one is fetched, evenly over the steps.
  const steps = <usize>((units + 1) >> 1);
  const pace = <usize>p.panelBytes / (<usize>max(rows / MR, 1) * steps);
  const offsets = scratch + OFFSETS;
  for (let panel = first; panel < last; panel++) {
    const w = openPanel(p, panel, <usize>units * PANEL_UNIT, p.weightOffset, scratch);
    const y = p.y + <usize>(panel * NR);
    const columns = p.n - panel * NR;
    let a = strip;
    let row: usize = offsets;
    let left = rows;
    let ahead = p.w + <usize>(min(panel + 1, last - 1) * p.panelBytes);
    for (; left >= MR; left -= MR) {
      tile6x8<R>(rule, a, stride, MR, w, units, y, row, columns, scratch, ahead, pace);
      ahead += pace * steps;
      a += stride * MR;
      row += 4 * MR;
    }
    if (left == 1) tile1x8<R>(rule, a, w, units, y + load<u32>(row), columns, scratch);
    else if (left > 1)
      tile6x8<R>(rule, a, stride, left, w, units, y, row, columns, scratch, ahead, pace);
  }
}

/** Packed byte rows of one strip → codes. */
@inline
export function sweepStrip(
  p: GridParameters,
  strip: usize,
  stride: usize,
  rows: i32,
  first: i32,
  last: i32,
  scratch: usize,
): void {
  if (p.rule == RULE_SMALL_FP32)
    sweepBytes<SmallFp32Rule>(p, strip, stride, rows, first, last, scratch);
  else sweepBytes<ReferenceRule>(p, strip, stride, rows, first, last, scratch);
}


@inline
function gemmTile<X>(p: GemmParameters, scratch: usize, tile: i32): void {
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstRow = (tile / p.chunks) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  const isRaw = changetype<X>(0).isRaw();
  const stride = isRaw ? <usize>p.xStride : rowBytes(p);
  for (let row = firstRow; row < lastRow; row += p.stripRows) {
    const rows = min(p.stripRows, lastRow - row);
    packBytes<X>(p, row, rows, scratch);
    const strip = isRaw ? p.x + <usize>row * stride : stripOf(p, scratch);
    sweepStrip(p, strip, stride, rows, firstPanel, lastPanel, scratch);
  }
}

/** Bytes as they are · int8. */
export function gemm_x8_i8_6x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  gemmTile<Quads>(changetype<GemmParameters>(parameters), scratch, tile);
}

/** Flipped bytes · int8. */
export function gemm_f8_i8_6x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  gemmTile<FlippedQuads>(changetype<GemmParameters>(parameters), scratch, tile);
}
