/**
 * Runs of bytes picked by tables, which the plan has checked: nearest-neighbour resizing, and
 * gathering by constant indices.
 *
 *     y[row, column, :] = x[rows[row] + columns[column] ..]     runBytes each
 */
import { copyExact } from "./lanes";


@unmanaged
class GatherParameters {
  x: usize;
  y: usize;
  /** Byte offsets in x, int32, one per row and one per column. */
  rows: usize;
  columns: usize;
  rowCount: i32;
  columnCount: i32;
  runBytes: i32;
  /** A tile takes this many (row, column) pairs in order. */
  tileRuns: i32;
}

export function gather_runs(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<GatherParameters>(parameters);
  const size = p.runBytes;
  let run = tile * p.tileRuns;
  const end = min(run + p.tileRuns, p.rowCount * p.columnCount);
  let y = p.y + run * size;
  while (run < end) {
    const first = run % p.columnCount;
    const last = min(p.columnCount, first + end - run);
    const x = p.x + load<i32>(p.rows + ((run / p.columnCount) << 2));
    for (let column = first; column < last; column++) {
      copyExact(y, x + load<i32>(p.columns + (column << 2)), size);
      y += size;
    }
    run += last - first;
  }
}
