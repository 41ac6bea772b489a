/**
 * Matrix product and convolution with weights in FP4 and FP6 on the relaxed dot: bytes of x as the
 * machine reads them (`gemm-dot.ts`), panels opened as quads of int8 (`minifloat-panels.ts`), results as
 * float32 or as units of what their readers round them to (`minifloat-output.ts`).
 */
import { gatherBytes } from "./conv-dot";
import { Codes4, Codes6 } from "./formats/minifloat";
import { Quads } from "./formats/quads";
import { GridParameters, NR, OFFSETS, stripOf } from "./grid";
import { packBytes, rowBytes, tile1x8, tile5x8 } from "./gemm-dot";
import { ConvMinifloat, GemmMinifloat } from "./gemm-minifloat";
import { FloatRule, RULE_UNITS, storeUnitConstants, UnitsRule } from "./minifloat-output";
import { Int8Panel } from "./minifloat-panels";

/** Rows of a tile. */
const MR: i32 = 5;
/** Codes of one unit of a panel: 8 columns of 4 k. */
const UNIT_CODES: i32 = 32;

/** A strip of byte rows against panels [first, last). */
function sweepQuads<R, O>(
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
  for (let panel = first; panel < last; panel++) {
    const w = changetype<O>(0).open(
      p.w + <usize>panel * <usize>p.panelBytes,
      units * UNIT_CODES,
      table,
      open,
    );
    const y = p.y + <usize>(panel * NR) * rule.bytes();
    const columns = p.n - panel * NR;
    if (rows == 1) {
      tile1x8<R>(rule, strip, w, units, y + load<u32>(offsets), columns, scratch);
      continue;
    }
    let a = strip;
    let row: usize = offsets;
    let left = rows;
    for (; left >= MR; left -= MR) {
      tile5x8<R>(rule, a, stride, MR, w, units, y, row, columns, scratch, panel, 0);
      a += stride * MR;
      row += 4 * MR;
    }
    if (left > 0) {
      tile5x8<R>(rule, a, stride, left, w, units, y, row, columns, scratch, panel, 0);
    }
  }
}

/** The same with the results that the block asks for. */
@inline
function sweepStrip<O>(
  p: GridParameters,
  table: usize,
  finest: i32,
  open: usize,
  strip: usize,
  stride: usize,
  rows: i32,
  first: i32,
  last: i32,
  scratch: usize,
): void {
  if (p.rule == RULE_UNITS) {
    storeUnitConstants(p, finest, scratch);
    sweepQuads<UnitsRule, O>(p, table, open, strip, stride, rows, first, last, scratch);
  } else {
    sweepQuads<FloatRule, O>(p, table, open, strip, stride, rows, first, last, scratch);
  }
}


@inline
function gemmTile<O>(p: GemmMinifloat, scratch: usize, tile: i32): void {
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
    const finest = p.finest;
    sweepStrip<O>(p, table, finest, open, strip, stride, rows, firstPanel, lastPanel, scratch);
  }
}


@inline
function convTile<O>(p: ConvMinifloat, scratch: usize, tile: i32): void {
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
    const finest = p.finest;
    sweepStrip<O>(p, table, finest, open, strip, stride, rows, firstPanel, lastPanel, scratch);
  }
}

export function gemm_x8_m6_5x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  gemmTile<Int8Panel<Codes6>>(changetype<GemmMinifloat>(parameters), scratch, tile);
}

export function gemm_x8_m4_5x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  gemmTile<Int8Panel<Codes4>>(changetype<GemmMinifloat>(parameters), scratch, tile);
}

export function conv_x8_m6_5x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  convTile<Int8Panel<Codes6>>(changetype<ConvMinifloat>(parameters), scratch, tile);
}

export function conv_x8_m4_5x8c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  convTile<Int8Panel<Codes4>>(changetype<ConvMinifloat>(parameters), scratch, tile);
}
