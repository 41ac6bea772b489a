/**
 * Kernels that move elements and compute nothing: contiguous copies, strided copies, transposition.
 *
 * A strided copy is a box of up to six axes, the last one the row:
 *
 *     y[i0·ys0 + … + i5·ys5] = x[i0·xs0 + … + i5·xs5]     0 ≤ ik < nk, strides in bytes
 *
 * Rows are counted over the axes 0 to 4; a tile takes `tileRows` of them in order. Strides of x may
 * be 0 or negative; no element of y is written twice.
 */
import { copyExact, interleaveHigh8, interleaveLow8 } from "./lanes";
import { highHalves, interleaveHigh32, interleaveLow32, lowHalves } from "./lanes";

/** Copies `sizeBytes` bytes, split into tiles of `tileBytes`. */
@unmanaged
class CopyParameters {
  x: usize;
  y: usize;
  sizeBytes: i32;
  tileBytes: i32;
}

/** y[i] = x[i]: a contiguous copy. */
export function copy_bytes(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<CopyParameters>(parameters);
  const start = tile * p.tileBytes;
  const size = min(p.tileBytes, p.sizeBytes - start);
  copyExact(p.y + start, p.x + start, size);
}


@unmanaged
class MoveParameters {
  x: usize;
  y: usize;
  /** 256 bytes, of `map_bytes` only. */
  table: usize;
  n0: i32;
  n1: i32;
  n2: i32;
  n3: i32;
  n4: i32;
  n5: i32;
  xs0: i32;
  xs1: i32;
  xs2: i32;
  xs3: i32;
  xs4: i32;
  xs5: i32;
  ys0: i32;
  ys1: i32;
  ys2: i32;
  ys3: i32;
  ys4: i32;
  ys5: i32;
  tileRows: i32;
}

/** Distance in x of index `outer` over the axes 0 to 3. */
@inline
function outerOfX(p: MoveParameters, outer: i32): i32 {
  const i3 = outer % p.n3;
  outer /= p.n3;
  const i2 = outer % p.n2;
  outer /= p.n2;
  return (outer / p.n1) * p.xs0 + (outer % p.n1) * p.xs1 + i2 * p.xs2 + i3 * p.xs3;
}

/** Distance in y of index `outer` over the axes 0 to 3. */
@inline
function outerOfY(p: MoveParameters, outer: i32): i32 {
  const i3 = outer % p.n3;
  outer /= p.n3;
  const i2 = outer % p.n2;
  outer /= p.n2;
  return (outer / p.n1) * p.ys0 + (outer % p.n1) * p.ys1 + i2 * p.ys2 + i3 * p.ys3;
}

/** Number of the tile's rows: `tileRows`, fewer in the last tile. */
@inline
function rowsOf(p: MoveParameters, rows: i32, tile: i32): i32 {
  return min(p.tileRows, rows - tile * p.tileRows);
}

/** Rows that are contiguous on both sides: n5 bytes each. */
export function copy_runs(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<MoveParameters>(parameters);
  let row = tile * p.tileRows;
  const end = row + rowsOf(p, p.n0 * p.n1 * p.n2 * p.n3 * p.n4, tile);
  while (row < end) {
    const i4 = row % p.n4;
    const count = min(p.n4 - i4, end - row);
    let x = p.x + outerOfX(p, row / p.n4) + i4 * p.xs4;
    let y = p.y + outerOfY(p, row / p.n4) + i4 * p.ys4;
    for (let i = 0; i < count; i++) {
      copyExact(y, x, p.n5);
      x += p.xs4;
      y += p.ys4;
    }
    row += count;
  }
}

/** Rows of single elements of type T, at any strides; `mapped`: bytes through the table. */
@inline
function moveElements<T>(parameters: usize, tile: i32, mapped: bool): void {
  const p = changetype<MoveParameters>(parameters);
  const table = p.table;
  let row = tile * p.tileRows;
  const end = row + rowsOf(p, p.n0 * p.n1 * p.n2 * p.n3 * p.n4, tile);
  while (row < end) {
    const i4 = row % p.n4;
    const count = min(p.n4 - i4, end - row);
    let xRow = p.x + outerOfX(p, row / p.n4) + i4 * p.xs4;
    let yRow = p.y + outerOfY(p, row / p.n4) + i4 * p.ys4;
    for (let i = 0; i < count; i++) {
      let x = xRow;
      let y = yRow;
      for (let k = 0; k < p.n5; k++) {
        if (mapped) store<u8>(y, load<u8>(table + load<u8>(x)));
        else store<T>(y, load<T>(x));
        x += p.xs5;
        y += p.ys5;
      }
      xRow += p.xs4;
      yRow += p.ys4;
    }
    row += count;
  }
}

export function copy_elements_8(parameters: usize, scratch: usize, tile: i32): void {
  moveElements<u8>(parameters, tile, false);
}

export function copy_elements_16(parameters: usize, scratch: usize, tile: i32): void {
  moveElements<u16>(parameters, tile, false);
}

export function copy_elements_32(parameters: usize, scratch: usize, tile: i32): void {
  moveElements<u32>(parameters, tile, false);
}

export function copy_elements_64(parameters: usize, scratch: usize, tile: i32): void {
  moveElements<u64>(parameters, tile, false);
}

/** y = table[x] on bytes. */
export function map_bytes(parameters: usize, scratch: usize, tile: i32): void {
  moveElements<u8>(parameters, tile, true);
}

/** Side of a block of `transpose_8` and `transpose_32`. */
const SIDE8: i32 = 16;
const SIDE32: i32 = 4;

/**
 * Axis 4 is contiguous in x, axis 5 in y:
 *
 *       x: i4 →                y: i5 →
 *     i5   a b c d           i4   a e i m
 *      ↓   e f g h            ↓   b f j n
 *          i j k l                c g k o
 *          m n o p                d h l p
 *
 * in blocks of `side` by `side`, n5 at least one block. A row here is a strip of `side` indices of
 * axis 4. The last block along axis 5 overlaps the one before it; the last strip, if it is not
 * whole, goes element by element.
 */
@inline
function transposeStrips<T>(parameters: usize, scratch: usize, tile: i32, side: i32): void {
  const p = changetype<MoveParameters>(parameters);
  const strips = (p.n4 + side - 1) / side;
  let strip = tile * p.tileRows;
  const end = strip + rowsOf(p, p.n0 * p.n1 * p.n2 * p.n3 * strips, tile);
  for (; strip < end; strip++) {
    const outer = strip / strips;
    const i4 = (strip % strips) * side;
    const x = p.x + outerOfX(p, outer) + i4 * p.xs4;
    const y = p.y + outerOfY(p, outer) + i4 * p.ys4;
    if (i4 + side <= p.n4) {
      for (let i5 = 0; i5 < p.n5; i5 += side) {
        const start = min(i5, p.n5 - side);
        if (sizeof<T>() == 1) {
          transposeBlock8(y + start, p.ys4, x + start * p.xs5, p.xs5, scratch);
        } else {
          transposeBlock32(y + start * 4, p.ys4, x + start * p.xs5, p.xs5);
        }
      }
    } else {
      for (let i = 0; i < p.n4 - i4; i++) {
        for (let i5 = 0; i5 < p.n5; i5++) {
          store<T>(y + i * p.ys4 + i5 * sizeof<T>(), load<T>(x + i * p.xs4 + i5 * p.xs5));
        }
      }
    }
  }
}

export function transpose_8(parameters: usize, scratch: usize, tile: i32): void {
  transposeStrips<u8>(parameters, scratch, tile, SIDE8);
}

export function transpose_32(parameters: usize, scratch: usize, tile: i32): void {
  transposeStrips<u32>(parameters, scratch, tile, SIDE32);
}

/**
 * 16 by 16 bytes. One round interleaves rows k and k + 8 into rows 2k and 2k + 1: it rotates the
 * eight bits of (row, column) by one, so four rounds swap row and column. `scratch`: 512 bytes.
 */
@inline
function transposeBlock8(y: usize, ys: i32, x: usize, xs: i32, scratch: usize): void {
  const other = scratch + 256;
  interleaveRound(scratch, 16, x, xs);
  interleaveRound(other, 16, scratch, 16);
  interleaveRound(scratch, 16, other, 16);
  interleaveRound(y, ys, scratch, 16);
}

function interleaveRound(to: usize, toStride: i32, from: usize, fromStride: i32): void {
  for (let k = 0; k < 8; k++) {
    const a = v128.load(from + k * fromStride);
    const b = v128.load(from + (k + 8) * fromStride);
    v128.store(to + 2 * k * toStride, interleaveLow8(a, b));
    v128.store(to + (2 * k + 1) * toStride, interleaveHigh8(a, b));
  }
}

/** 4 by 4 elements of 32 bits. */
@inline
function transposeBlock32(y: usize, ys: i32, x: usize, xs: i32): void {
  const a = v128.load(x);
  const b = v128.load(x + xs);
  const c = v128.load(x + 2 * xs);
  const d = v128.load(x + 3 * xs);
  const abLow = interleaveLow32(a, b);
  const abHigh = interleaveHigh32(a, b);
  const cdLow = interleaveLow32(c, d);
  const cdHigh = interleaveHigh32(c, d);
  v128.store(y, lowHalves(abLow, cdLow));
  v128.store(y + ys, highHalves(abLow, cdLow));
  v128.store(y + 2 * ys, lowHalves(abHigh, cdHigh));
  v128.store(y + 3 * ys, highHalves(abHigh, cdHigh));
}
