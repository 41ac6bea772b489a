/**
 * Matrix product with an emulated narrow accumulator: y = Σ over chunks of Σ inside a chunk, every
 * single sum rounded to the accumulator's format. 4 rows × 4 columns at a time; groups of columns, each
 * with a part of the rows of its own.
 */
import { Accumulator, FOUR, STOCHASTIC } from "./accumulator";
import { OPERANDS, prepareDraws, storeRows, sumTile } from "./chunked-tile";


@unmanaged
class ChunkedParameters extends Accumulator {
  /** m rows of float32; bytes from row to row, and from group to group of a row. */
  a: usize;
  aStride: i32;
  groupStride: i32;
  /** Panels of 4 columns of a group: k vectors each. */
  w: usize;
  y: usize;
  m: i32;
  /** Columns of all groups, and of one. */
  n: i32;
  groupColumns: i32;
  k: i32;
  /** Rows, a multiple of 4, and panels of a tile; tiles side by side. */
  tileRows: i32;
  tilePanels: i32;
  columnTiles: i32;
}

/** Brings rows `row` … `row` + 3 of a group together, each number four times; beyond the last row, that one. */
@inline
function gatherRows(p: ChunkedParameters, group: i32, row: i32, to: usize): void {
  const last = p.m - 1;
  const stride = p.aStride as usize;
  let a0 = p.a + (group as usize) * (p.groupStride as usize) + (row as usize) * stride;
  let a1 = row + 1 > last ? a0 : a0 + stride;
  let a2 = row + 2 > last ? a1 : a1 + stride;
  let a3 = row + 3 > last ? a2 : a2 + stride;
  for (const end = a0 + ((p.k as usize) << 2); a0 < end; a0 += 4) {
    v128.store(to, v128.load32_splat(a0));
    v128.store(to, v128.load32_splat(a1), 16);
    v128.store(to, v128.load32_splat(a2), 32);
    v128.store(to, v128.load32_splat(a3), 48);
    a1 += 4;
    a2 += 4;
    a3 += 4;
    to += FOUR;
  }
}

export function chunked_f32(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<ChunkedParameters>(parameters);
  const firstRow = (tile / p.columnTiles) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  const groupPanels = (p.groupColumns + 3) >> 2;
  const firstPanel = (tile % p.columnTiles) * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, groupPanels * (p.n / p.groupColumns));
  const rowBytes = (p.n as usize) << 2;
  if (p.mode == STOCHASTIC) prepareDraws(parameters, scratch);
  for (let row = firstRow; row < lastRow; row += 4) {
    const rows = min(lastRow - row, 4);
    let gathered = -1;
    for (let panel = firstPanel; panel < lastPanel; panel++) {
      const group = panel / groupPanels;
      if (group != gathered) gatherRows(p, group, row, scratch + OPERANDS);
      gathered = group;
      const first = (panel - group * groupPanels) << 2;
      const output = row * p.n + group * p.groupColumns + first;
      const w = p.w + (((panel as usize) * (p.k as usize)) << 4);
      sumTile(parameters, scratch, p.k, w, output, p.n);
      const bytes = min(p.groupColumns - first, 4) << 2;
      storeRows(scratch, p.y + ((output as usize) << 2), rowBytes, rows, bytes);
    }
  }
}
