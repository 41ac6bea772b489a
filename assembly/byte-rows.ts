/** Rows of activations as bytes: what the kernels of the relaxed dot, deep sums and look-up read. */
import { Quads } from "./formats/quads";
import { GemmParameters } from "./gemm";
import { GridParameters, OFFSETS, stripOf } from "./grid";

/** Bytes from row to row of a packed strip. */
@inline
export function rowBytes(p: GridParameters): usize {
  return <usize>((p.units * 4 + 15) & ~15);
}

/** Rows [first, first + rows) as bytes: their places in y, and a copy where X flips them. */
@inline
export function packBytes<X>(p: GemmParameters, first: i32, rows: i32, scratch: usize): void {
  let offsets = scratch + OFFSETS;
  for (let i = first; i < first + rows; i++) {
    store<i32>(offsets, i * p.yStride);
    offsets += 4;
  }
  if (changetype<X>(0).isRaw()) return;
  const stride = <usize>p.xStride;
  const bytes = rowBytes(p);
  let to = stripOf(p, scratch);
  let row = p.x + <usize>first * stride;
  for (let i = 0; i < rows; i++) {
    for (let at: usize = 0; at < bytes; at += 16) {
      v128.store(to + at, changetype<X>(row + at).widen());
    }
    to += bytes;
    row += stride;
  }
}

/** Rows that are read where they lie. */
@unmanaged
export class RowsInPlace extends GemmParameters {
  /** Makes a strip of rows [first, first + rows), and returns it. */
  @inline
  lay(first: i32, rows: i32, scratch: usize): usize {
    packBytes<Quads>(this, first, rows, scratch);
    return this.x + <usize>first * <usize>this.xStride;
  }

  /** Bytes from row to row of a strip. */
  @inline
  stride(): usize {
    return <usize>this.xStride;
  }
}
