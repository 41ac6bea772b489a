/**
 * A border around a box, in one pass over the result: up to three outer axes of rows, and the row
 * itself as bytes.
 *
 *     v v v v v v
 *     v v x x v v      before5 = 2 v, run = 2 x, after5 = 2 v
 *     v v v v v v
 */
import { copyExact, fillExact } from "./lanes";


@unmanaged
class PadParameters {
  x: usize;
  y: usize;
  /** One element of `width` bytes. */
  value: usize;
  width: i32;
  /** Extents of the result's outer axes. */
  m0: i32;
  m1: i32;
  m2: i32;
  /** Where the input begins in them. */
  before0: i32;
  before1: i32;
  before2: i32;
  /** Extents of the input's outer axes. */
  n0: i32;
  n1: i32;
  n2: i32;
  /** Bytes of one row: border, input, border. */
  beforeBytes: i32;
  runBytes: i32;
  afterBytes: i32;
  tileRows: i32;
}

export function pad_runs(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<PadParameters>(parameters);
  const value = splatElement(p.value, p.width);
  const rowBytes = p.beforeBytes + p.runBytes + p.afterBytes;
  const start = tile * p.tileRows;
  const end = min(start + p.tileRows, p.m0 * p.m1 * p.m2);
  let y = p.y + start * rowBytes;
  for (let row = start; row < end; row++) {
    // As unsigned numbers indices before the input are large: one comparison per axis.
    const i2: u32 = (row % p.m2) - p.before2;
    const i1: u32 = ((row / p.m2) % p.m1) - p.before1;
    const i0: u32 = row / p.m2 / p.m1 - p.before0;
    if (i0 < <u32>p.n0 && i1 < <u32>p.n1 && i2 < <u32>p.n2) {
      fillExact(y, value, p.beforeBytes);
      copyExact(y + p.beforeBytes, p.x + ((i0 * p.n1 + i1) * p.n2 + i2) * p.runBytes, p.runBytes);
      fillExact(y + p.beforeBytes + p.runBytes, value, p.afterBytes);
    } else {
      fillExact(y, value, rowBytes);
    }
    y += rowBytes;
  }
}


@inline
function splatElement(value: usize, width: i32): v128 {
  if (width == 1) return v128.load8_splat(value);
  if (width == 2) return v128.load16_splat(value);
  if (width == 4) return v128.load32_splat(value);
  return v128.load64_splat(value);
}
