/**
 * Sums of looked-up products, four vectors of 16 columns at a time: 4 rows of one plane of weight bits, or
 * 2 rows of two planes. A step is four groups, 16 k.
 *
 *     planes   sum 0              sum 1              sum 2              sum 3
 *     1        row 0              row 1              row 2              row 3
 *     2        row 0, plane 0     row 0, plane 1     row 1, plane 0     row 1, plane 1
 *
 * They grow through three widths:
 *
 *     bytes    flushSteps steps; a group adds at most 4·x_max
 *     int16    A += bytes as pairs, B += pairs >> 8, modulo 2^16:  odd columns = B, even = A − (B << 8)
 *     int32    after widenFlushes flushes, in memory
 */
import { interleaveHigh16, interleaveLow16 } from "./lanes";
import { TABLE } from "./table-build";

/** Units of one step. */
const STEP: i32 = 4;
/** Bytes of the 16 int32 totals of one row. */
export const TOTALS: usize = 64;

/** Adds the 16 columns of A and B, 2^shift times, to int32 totals in order. */
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

/**
 * Adds Σ x · Σ bit · 2^plane (one plane: 2 · Σ x · bit) of all k to the totals of 4 or 2 rows. `a0` … `a3`:
 * the rows' tables; of two planes a0 and a2. `planes` is a constant.
 */
@inline
export function sumTables<L>(
  planes: i32,
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
  const two = planes == 2;
  const tail = w + size;
  const flushBytes = <usize>(flushSteps * STEP * planes) * TABLE;
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
      let s0 = i8x16.splat(0);
      let s1 = s0;
      let s2 = s0;
      let s3 = s0;
      const end = min(wide, w + flushBytes);
      while (w < end) {
        const i0 = v128.load(w);
        const j0 = two ? v128.load(w, 16) : i0;
        const t0 = v128.load(a0);
        s0 = i8x16.add(s0, lookup.of(t0, i0));
        s1 = i8x16.add(s1, lookup.of(two ? t0 : v128.load(a1), j0));
        const u0 = v128.load(a2);
        s2 = i8x16.add(s2, lookup.of(u0, i0));
        s3 = i8x16.add(s3, lookup.of(two ? u0 : v128.load(a3), j0));
        const i1 = two ? v128.load(w, 32) : v128.load(w, 16);
        const j1 = two ? v128.load(w, 48) : i1;
        const t1 = v128.load(a0, 16);
        s0 = i8x16.add(s0, lookup.of(t1, i1));
        s1 = i8x16.add(s1, lookup.of(two ? t1 : v128.load(a1, 16), j1));
        const u1 = v128.load(a2, 16);
        s2 = i8x16.add(s2, lookup.of(u1, i1));
        s3 = i8x16.add(s3, lookup.of(two ? u1 : v128.load(a3, 16), j1));
        const i2 = two ? v128.load(w, 64) : v128.load(w, 32);
        const j2 = two ? v128.load(w, 80) : i2;
        const t2 = v128.load(a0, 32);
        s0 = i8x16.add(s0, lookup.of(t2, i2));
        s1 = i8x16.add(s1, lookup.of(two ? t2 : v128.load(a1, 32), j2));
        const u2 = v128.load(a2, 32);
        s2 = i8x16.add(s2, lookup.of(u2, i2));
        s3 = i8x16.add(s3, lookup.of(two ? u2 : v128.load(a3, 32), j2));
        const i3 = two ? v128.load(w, 96) : v128.load(w, 48);
        const j3 = two ? v128.load(w, 112) : i3;
        const t3 = v128.load(a0, 48);
        s0 = i8x16.add(s0, lookup.of(t3, i3));
        s1 = i8x16.add(s1, lookup.of(two ? t3 : v128.load(a1, 48), j3));
        const u3 = v128.load(a2, 48);
        s2 = i8x16.add(s2, lookup.of(u3, i3));
        s3 = i8x16.add(s3, lookup.of(two ? u3 : v128.load(a3, 48), j3));
        a0 += 64;
        if (!two) a1 += 64;
        a2 += 64;
        if (!two) a3 += 64;
        w += two ? 128 : 64;
      }
      // Two planes meet in one sum.
      A0 = i16x8.add(A0, two ? i16x8.add(s0, i16x8.add(s1, s1)) : s0);
      A2 = i16x8.add(A2, two ? i16x8.add(s2, i16x8.add(s3, s3)) : s2);
      const h1 = i16x8.shr_u(s1, 8);
      const h3 = i16x8.shr_u(s3, 8);
      const h0 = i16x8.shr_u(s0, 8);
      const h2 = i16x8.shr_u(s2, 8);
      B0 = i16x8.add(B0, two ? i16x8.add(h0, i16x8.add(h1, h1)) : h0);
      B2 = i16x8.add(B2, two ? i16x8.add(h2, i16x8.add(h3, h3)) : h2);
      if (!two) {
        A1 = i16x8.add(A1, s1);
        B1 = i16x8.add(B1, h1);
        A3 = i16x8.add(A3, s3);
        B3 = i16x8.add(B3, h3);
      }
    }
    if (two) {
      widen(totals, A0, B0, 0);
      widen(totals + TOTALS, A2, B2, 0);
    } else {
      widen(totals, A0, B0, 1);
      widen(totals + TOTALS, A1, B1, 1);
      widen(totals + 2 * TOTALS, A2, B2, 1);
      widen(totals + 3 * TOTALS, A3, B3, 1);
    }
  }
}
