/**
 * Strips of float32 rows against panels of weights, for all products of `float-tiles.ts`.
 *
 * Panels that are opened are multiplied in parts of some hundred units, which stay in the first-level cache while the
 * rows of a strip pass; between them sums lie in y.
 */
import { COLUMN, PANEL_UNIT, tile1x8, tileMx8 } from "./float-tiles";
import { GridParameters, NR, OFFSETS } from "./grid";

/** Most units of a part of a panel: 16 KiB. */
const PART: i32 = 512;

/** Weights as they are multiplied. */
@unmanaged
export class FloatPanels extends GridParameters {
  /** Whether panels are multiplied in one part. */
  @inline
  areWhole(): bool {
    return true;
  }

  /** Units [first, first + count) of a panel as float32. */
  @inline
  open(panel: usize, first: i32, count: i32, scratch: usize): usize {
    return panel + <usize>first * PANEL_UNIT;
  }

  /** What lies behind a panel. */
  @inline
  tail(panel: usize): usize {
    return panel + <usize>this.units * PANEL_UNIT;
  }
}

/** A strip of rows `stride` bytes apart against units [k, k + count) of a panel. */
@inline
function sweepPart<P, E, M>(
  p: GridParameters,
  a: usize,
  stride: usize,
  rows: i32,
  panel: i32,
  k: i32,
  count: i32,
  scratch: usize,
): void {
  const panels = changetype<P>(p);
  const from = p.w + <usize>panel * <usize>p.panelBytes;
  const tail = panels.tail(from);
  const w = panels.open(from, k, count, scratch);
  const columns = p.n - panel * NR;
  const first = panels.areWhole() || k == 0;
  const last = panels.areWhole() || k + count == p.units;
  let y = p.y + <usize>panel * NR * COLUMN;
  let row: usize = scratch + OFFSETS;
  const mr = changetype<M>(0).rows();
  let left = rows;
  for (; left > 1; left -= mr) {
    tileMx8<E, M>(a, stride, left, w, count, tail, y, row, columns, first, last, scratch);
    a += stride * <usize>mr;
    row += <usize>(4 * mr);
  }
  if (left == 1) {
    y += load<u32>(row);
    tile1x8<E, M>(a, w, count, tail, y, columns, first, last, scratch);
  }
}

/** A strip against panels [first, last), which `P` opens. */
function sweepFloats<P, E, M>(
  p: GridParameters,
  strip: usize,
  stride: usize,
  rows: i32,
  first: i32,
  last: i32,
  scratch: usize,
): void {
  const units = p.units;
  if (changetype<P>(p).areWhole()) {
    for (let panel = first; panel < last; panel++) {
      sweepPart<P, E, M>(p, strip, stride, rows, panel, 0, units, scratch);
    }
    return;
  }
  const parts = (units + PART - 1) / PART;
  // Even: codes are opened two units at a time.
  const part = ((units + parts - 1) / parts + 1) & ~1;
  for (let panel = first; panel < last; panel++) {
    for (let k = 0; k < units; k += part) {
      const a = strip + ((<usize>k) << 2);
      sweepPart<P, E, M>(p, a, stride, rows, panel, k, min(part, units - k), scratch);
    }
  }
}

/** One grid tile, as `integerTile`. X: how rows of x become strips. */
@inline
export function floatTile<X, P, E, M>(p: X, scratch: usize, tile: i32): void {
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstRow = (tile / p.chunks) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  for (let row = firstRow; row < lastRow; row += p.stripRows) {
    const rows = min(p.stripRows, lastRow - row);
    const strip = p.lay(row, rows, scratch);
    sweepFloats<P, E, M>(p, strip, p.stride(), rows, firstPanel, lastPanel, scratch);
  }
}
