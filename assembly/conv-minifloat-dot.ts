/**
 * Matrix product and convolution with weights in FP4 and FP6 on the relaxed dot: bytes of x as the
 * machine reads them (`dot-tiles.ts`), panels opened as quads of int8 (`minifloat-quads.ts`), results as
 * float32 or as units of what their readers round them to (`minifloat-output.ts`).
 */
import { gatherBytes } from "./conv-dot";
import { Quads } from "./formats/quads";
import { GridParameters, NR, OFFSETS, stripOf } from "./grid";
import { packBytes, rowBytes } from "./byte-rows";
import { MR, tile1x8, tile6x8 } from "./dot-tiles";
import { ConvMinifloat, GemmMinifloat } from "./gemm-minifloat";
import { FloatRule, RULE_UNITS, UNIT_CONSTANTS, UnitsRule } from "./minifloat-output";
import { row4, row6 } from "./minifloat-quad-rows";
import { openQuads } from "./minifloat-quads";

/** A strip of byte rows against panels [first, last). */
function sweepQuads<R>(
  p: GridParameters,
  table: usize,
  open: usize,
  strip: usize,
  stride: usize,
  rows: i32,
  first: i32,
  last: i32,
  scratch: usize,
): void {
  const rule = changetype<R>(p);
  const units = p.units;
  const offsets = scratch + OFFSETS;
  // As in `dot-tiles.ts`: the next panel is fetched while this one is multiplied.
  const steps = <usize>((units + 1) >> 1);
  const pace = <usize>p.panelBytes / (<usize>max(rows / MR, 1) * steps);
  for (let panel = first; panel < last; panel++) {
    const from = p.w + <usize>panel * <usize>p.panelBytes;
    const y = p.y + <usize>(panel * NR) * rule.bytes();
    const columns = p.n - panel * NR;
    if (rows == 1 && p.weightBits < 8) {
      const tail =
        p.weightBits == 6
          ? row6(strip, from, units, table, open)
          : row4(strip, from, units, table, open);
      const l = v128.load(open);
      const h = v128.load(open, 16);
      const to = y + load<u32>(offsets);
      rule.storeRows(l, h, l, h, tail + 32, to, to, columns, scratch);
      continue;
    }
    const w = openQuads(p.weightBits, from, units, table, open);
    let a = strip;
    let row: usize = offsets;
    let left = rows;
    let ahead = p.w + <usize>min(panel + 1, last - 1) * <usize>p.panelBytes;
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

/** The same with the results that the block asks for. */
function sweepStrip(
  p: GridParameters,
  table: usize,
  unitTable: usize,
  open: usize,
  strip: usize,
  stride: usize,
  rows: i32,
  first: i32,
  last: i32,
  scratch: usize,
): void {
  if (p.rule >= RULE_UNITS) {
    memory.copy(scratch, unitTable, UNIT_CONSTANTS);
    sweepQuads<UnitsRule>(p, table, open, strip, stride, rows, first, last, scratch);
  } else {
    sweepQuads<FloatRule>(p, table, open, strip, stride, rows, first, last, scratch);
  }
}

/** Weights in 8, 6 or 4 bits, as the block says. */
export function gemm_x8_m6_6x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<GemmMinifloat>(parameters);
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstRow = (tile / p.chunks) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  const open = scratch + <usize>p.panel;
  const stride = <usize>p.xStride;
  for (let row = firstRow; row < lastRow; row += p.stripRows) {
    const rows = min(p.stripRows, lastRow - row);
    packBytes<Quads>(p, row, rows, scratch);
    const strip = p.x + <usize>row * stride;
    const table = p.codeTable;
    const units = p.unitTable;
    sweepStrip(p, table, units, open, strip, stride, rows, firstPanel, lastPanel, scratch);
  }
}

/** Weights in 8, 6 or 4 bits, as the block says. */
export function conv_x8_m6_6x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<ConvMinifloat>(parameters);
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstRow = (tile / p.chunks) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  const open = scratch + <usize>p.panel;
  for (let row = firstRow; row < lastRow; row += p.stripRows) {
    const rows = min(p.stripRows, lastRow - row);
    gatherBytes<Quads>(p, row, rows, scratch);
    const strip = stripOf(p, scratch);
    const stride = rowBytes(p);
    const table = p.codeTable;
    const units = p.unitTable;
    sweepStrip(p, table, units, open, strip, stride, rows, firstPanel, lastPanel, scratch);
  }
}
