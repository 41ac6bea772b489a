/**
 * Products of activations of 4 bits or fewer and weights of 2 bits or 1 by look-up: the 16 sums of the
 * subsets of four activations are a table (`table-build.ts`), four weight bits of one plane are an index
 * into it, and one swizzle looks up 16 columns.
 *
 *     w: 4 bits of plane b, n0 … n15  →  index vector                        16 columns, four k
 *
 *     swizzle(table, index)  =  Σ a·bit  of 16 columns, as bytes
 *
 * Tiles: 2 rows x 16 columns for two planes (w = b0 + 2·b1 − weightOffset), 4 rows x 16 columns for one
 * (w = 2·b − 1). `table-sums.ts` adds them, in bytes and int16 as long as the plan's bounds allow:
 *
 *     x_max       15      3       1
 *     flushSteps  1       5      15       ⌊255 / (16·x_max)⌋
 *     k in int16  1456    7281    21845   two planes: ⌊65535 / (3·x_max)⌋; one plane: three times that
 *
 * Codes u lie above the weights: Σ x·w = Σ x·u − weightOffset · Σ x with packing's row sums; for one
 * plane 2·Σ x·b − Σ x.
 */
import { ConvParameters } from "./conv";
import { gatherBytes } from "./conv-dot";
import { NarrowedQuads } from "./formats/quads";
import { GridParameters, NR, OFFSETS, stripOf } from "./grid";
import { rowBytes } from "./byte-rows";
import { openPanel, panelOf, rowTermsOf, sumRows } from "./low-bit";
import { storeConstants } from "./requantize/fp32";
import { Fp32Rule } from "./requantize/fp32-rules";
import { RULE_FP32 } from "./requantize/output";
import { ReferenceRule } from "./requantize/reference-rule";
import { buildTables, Swizzle, TABLE } from "./table-build";
import { sumTables, TOTALS } from "./table-sums";

/** Columns of a panel. */
const COLUMNS: i32 = 16;
/** Room for biases and multipliers behind a freed panel. */
const TAILS: usize = 256;

/** Tables of a panel's scratch lie behind the freed panel, 16 bytes for each unit of each row. */
@inline
function tablesOf(p: GridParameters, planes: i32, scratch: usize): usize {
  return panelOf(p, scratch) + <usize>(p.units * planes) * TABLE + TAILS;
}

/** Totals of one row: the bias of its columns and the row's term. */
@inline
function startTotals(totals: usize, tail: usize, tailBytes: usize, term: usize): void {
  const t = v128.load32_splat(term);
  v128.store(totals, i32x4.add(v128.load(tail), t));
  v128.store(totals, i32x4.add(v128.load(tail, 16), t), 16);
  v128.store(totals, i32x4.add(v128.load(tail + tailBytes), t), 32);
  v128.store(totals, i32x4.add(v128.load(tail + tailBytes, 16), t), 48);
}

/** Two rows of 16 totals → codes. */
@inline
function storeTotals<R>(
  rule: R,
  totals: usize,
  tail: usize,
  tailBytes: usize,
  y0: usize,
  y1: usize,
  columns: i32,
  scratch: usize,
): void {
  rule.storeRows(
    v128.load(totals),
    v128.load(totals, 16),
    v128.load(totals, 64),
    v128.load(totals, 80),
    tail + 32,
    y0,
    y1,
    columns,
    scratch,
  );
  if (columns <= NR) return;
  rule.storeRows(
    v128.load(totals, 32),
    v128.load(totals, 48),
    v128.load(totals, 96),
    v128.load(totals, 112),
    tail + tailBytes + 32,
    y0 + NR,
    y1 + NR,
    columns - NR,
    scratch,
  );
}

/** The tables of a strip against panels [first, last). `planes` is a constant. */
@inline
function sweepTables<L, R>(
  p: GridParameters,
  planes: i32,
  tables: usize,
  rows: i32,
  first: i32,
  last: i32,
  scratch: usize,
): void {
  const rule = changetype<R>(p);
  const lookup = changetype<L>(0);
  const size = <usize>(p.units * planes) * TABLE;
  const tableRow = <usize>p.units * TABLE;
  const tailBytes = (<usize>p.panelBytes - (size >> 1)) >> 1;
  const totals = scratch + <usize>p.lowBitScratch;
  const rowsAtOnce = 4 / planes;
  storeConstants(p, scratch);
  for (let panel = first; panel < last; panel++) {
    const w = openPanel(p, panel, size, 0, scratch);
    const tail = w + size;
    const y = p.y + <usize>(panel * COLUMNS);
    const columns = p.n - panel * COLUMNS;
    let a = tables;
    let row: usize = scratch + OFFSETS;
    let term = rowTermsOf(p, scratch);
    for (let left = rows; left > 0; left -= rowsAtOnce) {
      // Rows beyond the last are the last: they give its results again, in its place.
      const second: usize = left > 1 ? 1 : 0;
      const third = second + (left > 2 ? 1 : 0);
      const fourth = third + (left > 3 ? 1 : 0);
      startTotals(totals, tail, tailBytes, term);
      startTotals(totals + TOTALS, tail, tailBytes, term + second * 4);
      if (planes == 1) {
        startTotals(totals + 2 * TOTALS, tail, tailBytes, term + third * 4);
        startTotals(totals + 3 * TOTALS, tail, tailBytes, term + fourth * 4);
      }
      sumTables<L>(
        planes,
        lookup,
        a,
        a + second * tableRow,
        a + (planes == 1 ? third : second) * tableRow,
        a + fourth * tableRow,
        w,
        size,
        p.flushSteps,
        p.widenFlushes,
        totals,
      );
      const y0 = y + load<u32>(row);
      const y1 = y + load<u32>(row + second * 4);
      storeTotals<R>(rule, totals, tail, tailBytes, y0, y1, columns, scratch);
      if (planes == 1) {
        const y2 = y + load<u32>(row + third * 4);
        const y3 = y + load<u32>(row + fourth * 4);
        storeTotals<R>(rule, totals + 2 * TOTALS, tail, tailBytes, y2, y3, columns, scratch);
      }
      a += tableRow * <usize>rowsAtOnce;
      row += 4 * <usize>rowsAtOnce;
      term += 4 * <usize>rowsAtOnce;
    }
  }
}

/** One grid tile: windows, narrowed, as tables. */
@inline
export function tableTile<L>(p: ConvParameters, planes: i32, scratch: usize, tile: i32): void {
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + COLUMNS - 1) / COLUMNS);
  const firstRow = (tile / p.chunks) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  const strip = stripOf(p, scratch);
  const tables = tablesOf(p, planes, scratch);
  for (let row = firstRow; row < lastRow; row += p.stripRows) {
    const rows = min(p.stripRows, lastRow - row);
    gatherBytes<NarrowedQuads>(p, row, rows, scratch);
    sumRows(p, strip, rowBytes(p), rows, scratch);
    buildTables<L>(p.units, strip, rowBytes(p), rows, tables);
    if (p.rule == RULE_FP32) {
      sweepTables<L, Fp32Rule>(p, planes, tables, rows, firstPanel, lastPanel, scratch);
    } else {
      sweepTables<L, ReferenceRule>(p, planes, tables, rows, firstPanel, lastPanel, scratch);
    }
  }
}

/** Codes of 4 bits or fewer · two planes. */
export function conv_u4_i2_2x16c4(parameters: usize, scratch: usize, tile: i32): void {
  tableTile<Swizzle>(changetype<ConvParameters>(parameters), 2, scratch, tile);
}

/** Codes of 4 bits or fewer · one plane. */
export function conv_u4_b1_4x16c4(parameters: usize, scratch: usize, tile: i32): void {
  tableTile<Swizzle>(changetype<ConvParameters>(parameters), 1, scratch, tile);
}
