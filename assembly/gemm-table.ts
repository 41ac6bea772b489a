/**
 * Products of activations of 4 bits or fewer and weights of 2 bits or 1 by look-up: the 16 sums of the
 * subsets of four activations are a table, four weight bits of one plane are an index into it, and one
 * swizzle looks up 16 columns.
 *
 *     a0 a1 a2 a3  →  table   0 │ a0 │ a1 │ a0+a1 │ a2 │ … │ a0+a1+a2+a3      one row, four k
 *     w: 4 bits of plane b, n0 … n15  →  index vector                        16 columns, four k
 *
 *     swizzle(table, index)  =  Σ a·bit  of 16 columns, as bytes
 *
 * Tiles: 2 rows x 16 columns for two planes (w = b0 + 2·b1 − weightOffset), 4 rows x 16 columns for one
 * (w = 2·b − 1). A step is four groups, 16 k. Sums grow through three widths:
 *
 *     bytes    flushSteps steps; a group adds at most 4·x_max
 *     int16    A += bytes as pairs, B += pairs >> 8, modulo 2^16:  odd columns = B, even = A − (B << 8)
 *     int32    after widenFlushes flushes, in memory
 *
 *     x_max       15      3       1
 *     flushSteps  1       5      15       ⌊255 / (16·x_max)⌋
 *     k in int16  1456    7281    21845   two planes: ⌊65535 / (3·x_max)⌋; one plane: three times that
 *
 * Codes u lie above the weights: Σ x·w = Σ x·u − weightOffset · Σ x with packing's row sums; for one
 * plane 2·Σ x·b − Σ x. All bounds are the plan's, who gives the steps.
 */
import { ConvParameters } from "./conv";
import { gatherBytes } from "./conv-dot";
import { NarrowedQuads } from "./formats/quads";
import { GridParameters, NR, OFFSETS, stripOf } from "./grid";
import { rowBytes } from "./gemm-dot";
import { interleaveHigh16, interleaveLow16 } from "./lanes";
import { openPanel, panelOf, rowTermsOf, sumRows } from "./low-bit";
import { Fp32Rule, ReferenceRule, RULE_FP32, storeConstants } from "./requantize";

/** Columns of a panel. */
const COLUMNS: i32 = 16;
/** Bytes of one table, and of one plane of a freed panel's unit. */
const TABLE: usize = 16;
/** Units of one step. */
const STEP: i32 = 4;
/** Room for biases and multipliers behind a freed panel. */
const TAILS: usize = 256;

/** How a module looks up: `Lookup` classes are never allocated. */
@unmanaged
export class Swizzle {

  @inline
  of(table: v128, index: v128): v128 {
    return i8x16.swizzle(table, index);
  }
}

/** Tables of a panel's scratch lie behind the freed panel, 16 bytes for each unit of each row. */
@inline
function tablesOf(p: GridParameters, planes: i32, scratch: usize): usize {
  return panelOf(p, scratch) + <usize>(p.units * planes) * TABLE + TAILS;
}

/** Byte rows of codes → tables. */
function buildTables<L>(
  p: GridParameters,
  strip: usize,
  stride: usize,
  rows: i32,
  tables: usize,
): void {
  const lookup = changetype<L>(0);
  const units = p.units;
  const first = i8x16(-1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0, -1, 0);
  const second = i8x16(-1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1);
  const third = i8x16(-1, -1, -1, -1, 2, 2, 2, 2, -1, -1, -1, -1, 2, 2, 2, 2);
  const fourth = i8x16(-1, -1, -1, -1, -1, -1, -1, -1, 3, 3, 3, 3, 3, 3, 3, 3);
  for (let i = 0; i < rows; i++) {
    let row = strip;
    for (const end = row + <usize>units * 4; row < end; row += 4) {
      const x = v128.load32_splat(row);
      const low = i8x16.add(lookup.of(x, first), lookup.of(x, second));
      const high = i8x16.add(lookup.of(x, third), lookup.of(x, fourth));
      v128.store(tables, i8x16.add(low, high));
      tables += TABLE;
    }
    strip += stride;
  }
}

/** Adds the 16 columns of A and B to int32 totals in order; `shift` doubles them for one plane. */
@inline
function widen(totals: usize, a: v128, b: v128, shift: i32): void {
  const even = i16x8.sub(a, i16x8.shl(b, 8));
  const low = interleaveLow16(even, b);
  const high = interleaveHigh16(even, b);
  addTo(totals, i32x4.shl(i32x4.extend_low_i16x8_u(low), shift));
  addTo(totals + 16, i32x4.shl(i32x4.extend_high_i16x8_u(low), shift));
  addTo(totals + 32, i32x4.shl(i32x4.extend_low_i16x8_u(high), shift));
  addTo(totals + 48, i32x4.shl(i32x4.extend_high_i16x8_u(high), shift));
}


@inline
function addTo(at: usize, values: v128): void {
  v128.store(at, i32x4.add(v128.load(at), values));
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

/** 2 rows x 16 columns of two planes. `a0` and `a1`: the rows' tables. */
@inline
function sums2x16<L>(
  lookup: L,
  a0: usize,
  a1: usize,
  w: usize,
  size: usize,
  flushSteps: i32,
  widenFlushes: i32,
  totals: usize,
): void {
  const tail = w + size;
  const flushBytes = <usize>(flushSteps * STEP) * 2 * TABLE;
  while (w < tail) {
    let A0 = i16x8.splat(0);
    let B0 = A0;
    let A1 = A0;
    let B1 = A0;
    const wide = min(tail, w + flushBytes * <usize>widenFlushes);
    while (w < wide) {
      let p0 = i8x16.splat(0);
      let q0 = p0;
      let p1 = p0;
      let q1 = p0;
      const end = min(wide, w + flushBytes);
      while (w < end) {
        const i0 = v128.load(w);
        const j0 = v128.load(w, 16);
        const s0 = v128.load(a0);
        p0 = i8x16.add(p0, lookup.of(s0, i0));
        q0 = i8x16.add(q0, lookup.of(s0, j0));
        const t0 = v128.load(a1);
        p1 = i8x16.add(p1, lookup.of(t0, i0));
        q1 = i8x16.add(q1, lookup.of(t0, j0));
        const i1 = v128.load(w, 32);
        const j1 = v128.load(w, 48);
        const s1 = v128.load(a0, 16);
        p0 = i8x16.add(p0, lookup.of(s1, i1));
        q0 = i8x16.add(q0, lookup.of(s1, j1));
        const t1 = v128.load(a1, 16);
        p1 = i8x16.add(p1, lookup.of(t1, i1));
        q1 = i8x16.add(q1, lookup.of(t1, j1));
        const i2 = v128.load(w, 64);
        const j2 = v128.load(w, 80);
        const s2 = v128.load(a0, 32);
        p0 = i8x16.add(p0, lookup.of(s2, i2));
        q0 = i8x16.add(q0, lookup.of(s2, j2));
        const t2 = v128.load(a1, 32);
        p1 = i8x16.add(p1, lookup.of(t2, i2));
        q1 = i8x16.add(q1, lookup.of(t2, j2));
        const i3 = v128.load(w, 96);
        const j3 = v128.load(w, 112);
        const s3 = v128.load(a0, 48);
        p0 = i8x16.add(p0, lookup.of(s3, i3));
        q0 = i8x16.add(q0, lookup.of(s3, j3));
        const t3 = v128.load(a1, 48);
        p1 = i8x16.add(p1, lookup.of(t3, i3));
        q1 = i8x16.add(q1, lookup.of(t3, j3));
        a0 += 64;
        a1 += 64;
        w += 128;
      }
      A0 = i16x8.add(A0, i16x8.add(p0, i16x8.add(q0, q0)));
      A1 = i16x8.add(A1, i16x8.add(p1, i16x8.add(q1, q1)));
      const h0 = i16x8.shr_u(q0, 8);
      const h1 = i16x8.shr_u(q1, 8);
      B0 = i16x8.add(B0, i16x8.add(i16x8.shr_u(p0, 8), i16x8.add(h0, h0)));
      B1 = i16x8.add(B1, i16x8.add(i16x8.shr_u(p1, 8), i16x8.add(h1, h1)));
    }
    widen(totals, A0, B0, 0);
    widen(totals + 64, A1, B1, 0);
  }
}

/** 4 rows x 16 columns of one plane. */
@inline
function sums4x16<L>(
  lookup: L,
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  w: usize,
  size: usize,
  flushSteps: i32,
  widenFlushes: i32,
  totals: usize,
): void {
  const tail = w + size;
  const flushBytes = <usize>(flushSteps * STEP) * TABLE;
  while (w < tail) {
    let A0 = i16x8.splat(0);
    let B0 = A0;
    let A1 = A0;
    let B1 = A0;
    let A2 = A0;
    let B2 = A0;
    let A3 = A0;
    let B3 = A0;
    const wide = min(tail, w + flushBytes * <usize>widenFlushes);
    while (w < wide) {
      let p0 = i8x16.splat(0);
      let p1 = p0;
      let p2 = p0;
      let p3 = p0;
      const end = min(wide, w + flushBytes);
      while (w < end) {
        const i0 = v128.load(w);
        p0 = i8x16.add(p0, lookup.of(v128.load(a0), i0));
        p1 = i8x16.add(p1, lookup.of(v128.load(a1), i0));
        p2 = i8x16.add(p2, lookup.of(v128.load(a2), i0));
        p3 = i8x16.add(p3, lookup.of(v128.load(a3), i0));
        const i1 = v128.load(w, 16);
        p0 = i8x16.add(p0, lookup.of(v128.load(a0, 16), i1));
        p1 = i8x16.add(p1, lookup.of(v128.load(a1, 16), i1));
        p2 = i8x16.add(p2, lookup.of(v128.load(a2, 16), i1));
        p3 = i8x16.add(p3, lookup.of(v128.load(a3, 16), i1));
        const i2 = v128.load(w, 32);
        p0 = i8x16.add(p0, lookup.of(v128.load(a0, 32), i2));
        p1 = i8x16.add(p1, lookup.of(v128.load(a1, 32), i2));
        p2 = i8x16.add(p2, lookup.of(v128.load(a2, 32), i2));
        p3 = i8x16.add(p3, lookup.of(v128.load(a3, 32), i2));
        const i3 = v128.load(w, 48);
        p0 = i8x16.add(p0, lookup.of(v128.load(a0, 48), i3));
        p1 = i8x16.add(p1, lookup.of(v128.load(a1, 48), i3));
        p2 = i8x16.add(p2, lookup.of(v128.load(a2, 48), i3));
        p3 = i8x16.add(p3, lookup.of(v128.load(a3, 48), i3));
        a0 += 64;
        a1 += 64;
        a2 += 64;
        a3 += 64;
        w += 64;
      }
      A0 = i16x8.add(A0, p0);
      B0 = i16x8.add(B0, i16x8.shr_u(p0, 8));
      A1 = i16x8.add(A1, p1);
      B1 = i16x8.add(B1, i16x8.shr_u(p1, 8));
      A2 = i16x8.add(A2, p2);
      B2 = i16x8.add(B2, i16x8.shr_u(p2, 8));
      A3 = i16x8.add(A3, p3);
      B3 = i16x8.add(B3, i16x8.shr_u(p3, 8));
    }
    widen(totals, A0, B0, 1);
    widen(totals + 64, A1, B1, 1);
    widen(totals + 128, A2, B2, 1);
    widen(totals + 192, A3, B3, 1);
  }
}

/** The tables of a strip against panels [first, last). */
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
      startTotals(totals, tail, tailBytes, term);
      startTotals(totals + 64, tail, tailBytes, term + second * 4);
      const y0 = y + load<u32>(row);
      const y1 = y + load<u32>(row + second * 4);
      if (planes == 2) {
        const a1 = a + second * tableRow;
        sums2x16<L>(lookup, a, a1, w, size, p.flushSteps, p.widenFlushes, totals);
        storeTotals<R>(rule, totals, tail, tailBytes, y0, y1, columns, scratch);
      } else {
        const third = second + (left > 2 ? 1 : 0);
        const fourth = third + (left > 3 ? 1 : 0);
        startTotals(totals + 128, tail, tailBytes, term + third * 4);
        startTotals(totals + 192, tail, tailBytes, term + fourth * 4);
        sums4x16<L>(
          lookup,
          a,
          a + second * tableRow,
          a + third * tableRow,
          a + fourth * tableRow,
          w,
          size,
          p.flushSteps,
          p.widenFlushes,
          totals,
        );
        storeTotals<R>(rule, totals, tail, tailBytes, y0, y1, columns, scratch);
        const y2 = y + load<u32>(row + third * 4);
        const y3 = y + load<u32>(row + fourth * 4);
        storeTotals<R>(rule, totals + 128, tail, tailBytes, y2, y3, columns, scratch);
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
    buildTables<L>(p, strip, rowBytes(p), rows, tables);
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
