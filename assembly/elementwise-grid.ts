/**
 * The grid of two operands that broadcast, for every elementwise kernel.
 *
 * Result row r = (i0, i1) of `inner` elements reads a at i0·aStride0 + i1·aStride1 and b alike; a
 * stride of 0 repeats, and an operand whose `step` is 0 has one element per row, which is spread over
 * the lanes first. A tile is some rows, or some columns of one row.
 */

@unmanaged
export class BroadcastParameters {
  a: usize;
  b: usize;
  y: usize;
  /** Elements of a row, rows, and rows of one i0. */
  inner: i32;
  rows: i32;
  rowsPerOuter: i32;
  /** Bytes. */
  aStride0: i32;
  aStride1: i32;
  bStride0: i32;
  bStride1: i32;
  /** Bytes of an element, 0 for an operand with one element per row. */
  aStep: i32;
  bStep: i32;
  tileRows: i32;
  tileColumns: i32;
  tilesPerRow: i32;
}


@inline
export function firstRow(p: BroadcastParameters, tile: i32): i32 {
  return (tile / p.tilesPerRow) * p.tileRows;
}


@inline
export function endRow(p: BroadcastParameters, tile: i32): i32 {
  return min(firstRow(p, tile) + p.tileRows, p.rows);
}


@inline
export function firstColumn(p: BroadcastParameters, tile: i32): i32 {
  return (tile % p.tilesPerRow) * p.tileColumns;
}

/** Elements of each row that the tile writes. */
@inline
export function columnsOf(p: BroadcastParameters, tile: i32): i32 {
  return min(p.tileColumns, p.inner - firstColumn(p, tile));
}

/** First element of a that a row of the tile reads. */
@inline
export function rowOfA(p: BroadcastParameters, row: i32, column: i32): usize {
  const outer = row / p.rowsPerOuter;
  const within = row - outer * p.rowsPerOuter;
  return p.a + outer * p.aStride0 + within * p.aStride1 + column * p.aStep;
}

/** First element of b that a row of the tile reads. */
@inline
export function rowOfB(p: BroadcastParameters, row: i32, column: i32): usize {
  const outer = row / p.rowsPerOuter;
  const within = row - outer * p.rowsPerOuter;
  return p.b + outer * p.bStride0 + within * p.bStride1 + column * p.bStep;
}

/** `operand`, or a vector of its one element in `space`. */
@inline
export function spread<T>(operand: usize, step: i32, space: usize): usize {
  if (step != 0) return operand;
  if (sizeof<T>() == 4) v128.store(space, i32x4.splat(load<i32>(operand)));
  else v128.store(space, i8x16.splat(load<i8>(operand)));
  return space;
}

/** Bytes from one vector of an operand to the next. */
@inline
export function vectorStep(step: i32): usize {
  return step == 0 ? 0 : 16;
}
