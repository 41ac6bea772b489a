/**
 * Packing of activations: rows in memory → panels that a tile reads.
 *
 * A unit is 32 bits: two int16 of neighbouring k, or one float32. Four rows are interleaved by unit,
 *
 *     row 0: a0 a1 a2 a3 …
 *     row 1: b0 b1 b2 b3 …   →   a0 b0 c0 d0  a1 b1 c1 d1  a2 …
 *     row 2: c0 …
 *     row 3: d0 …
 *
 * so that the tile's four `load32_splat` of one k lie side by side. Rows are read, and panels written,
 * in steps of four units: up to three units beyond the end. What lies there is overwritten by what
 * is packed next, or meets weights that are 0.
 */
import { highHalves, interleaveHigh32, interleaveLow32, lowHalves } from "./lanes";

/** Rows of one panel. */
export const MR: i32 = 4;

/** Bytes behind the last panel that packing may write. */
export const PACK_SLACK: usize = 64;

/** Four rows → one panel. */
@inline
export function interleaveRows<X>(
  to: usize,
  row0: usize,
  row1: usize,
  row2: usize,
  row3: usize,
  units: i32,
): void {
  for (let i = 0; i < units; i += 4) {
    const a = changetype<X>(row0).widen();
    const b = changetype<X>(row1).widen();
    const c = changetype<X>(row2).widen();
    const d = changetype<X>(row3).widen();
    const ab01 = interleaveLow32(a, b);
    const ab23 = interleaveHigh32(a, b);
    const cd01 = interleaveLow32(c, d);
    const cd23 = interleaveHigh32(c, d);
    v128.store(to, lowHalves(ab01, cd01));
    v128.store(to, highHalves(ab01, cd01), 16);
    v128.store(to, lowHalves(ab23, cd23), 32);
    v128.store(to, highHalves(ab23, cd23), 48);
    row0 += offsetof<X>();
    row1 += offsetof<X>();
    row2 += offsetof<X>();
    row3 += offsetof<X>();
    to += 64;
  }
}

/** One row → units in order: the rows of a strip behind its last full panel. */
@inline
export function widenRow<X>(to: usize, row: usize, units: i32): void {
  for (let i = 0; i < units; i += 4) {
    v128.store(to, changetype<X>(row).widen());
    row += offsetof<X>();
    to += 16;
  }
}
