/**
 * The weights of Winograd F(4x4, 3x3), transformed when a panel is used: U = G·g·Gᵀ,
 *
 *         |  6  0  0 |
 *         | -4 -4 -4 |      rows of |G| sum to at most 12, so |U| ≤ 144 · 128 = 18,432: int16,
 *     G = | -4  4 -4 |      and so is every partial sum
 *         |  1  2  4 |
 *         |  1 -2  4 |
 *         |  0  0  6 |
 *
 * Packed filters take an eighth of the bytes of U, which would come from far memory for every group of
 * output tiles; the transform is some 30 instructions a filter, paid once per group.
 *
 *     panel: [C][9 taps][8 columns] int8   →   U: [36 positions][C/2][8 columns][2 c] int16
 */
import { interleaveHigh16, interleaveLow16 } from "./lanes";
import { POSITIONS } from "./winograd-transform";

/** Scratch of the transform: G·g of both channels of a pair. */
export const WEIGHT_SCRATCH: usize = 2 * 288;

/** Bytes from position to position of U; the odd line keeps the 36 stores off one cache set. */
@inline
export function panelPositionBytes(channels: i32): usize {
  return ((<usize>channels) << 4) + 64;
}

/** The 1-D transform of three taps; results `step` bytes apart. */
@inline
function transformTaps(g0: v128, g1: v128, g2: v128, to: usize, step: usize): void {
  const outer = i16x8.add(g0, g2);
  const quadruple = i16x8.shl(g2, 2);
  const even = i16x8.add(g0, quadruple);
  const odd = i16x8.shl(g1, 1);
  v128.store(to, i16x8.add(i16x8.shl(g0, 2), i16x8.shl(g0, 1)));
  v128.store(to + step, i16x8.neg(i16x8.shl(i16x8.add(outer, g1), 2)));
  v128.store(to + 2 * step, i16x8.neg(i16x8.shl(i16x8.sub(outer, g1), 2)));
  v128.store(to + 3 * step, i16x8.add(even, odd));
  v128.store(to + 4 * step, i16x8.sub(even, odd));
  v128.store(to + 5 * step, i16x8.add(quadruple, i16x8.shl(g2, 1)));
}

/** G·g of one channel for eight columns: 6 rows of 3 taps at `rows`. */
@inline
function transformColumns(w: usize, rows: usize): void {
  for (let j: usize = 0; j < 3; j++) {
    const tap = w + (j << 3);
    const g0 = v128.load8x8_s(tap);
    const g1 = v128.load8x8_s(tap, 24);
    const g2 = v128.load8x8_s(tap, 48);
    transformTaps(g0, g1, g2, rows + (j << 4), 48);
  }
}

/** Eight columns of the two channels of a pair, side by side. */
@inline
function storePair(u: usize, a: v128, b: v128): void {
  v128.store(u, interleaveLow16(a, b));
  v128.store(u, interleaveHigh16(a, b), 16);
}

/** One row of U of both channels of a pair, from their rows of three taps: six positions. */
@inline
function transformRowPair(first: usize, second: usize, u: usize, step: usize): void {
  const a0 = v128.load(first);
  const a1 = v128.load(first, 16);
  const a2 = v128.load(first, 32);
  const b0 = v128.load(second);
  const b1 = v128.load(second, 16);
  const b2 = v128.load(second, 32);
  const six = i16x8.splat(6);
  storePair(u, i16x8.mul(a0, six), i16x8.mul(b0, six));
  u += step;
  const aOuter = i16x8.add(a0, a2);
  const bOuter = i16x8.add(b0, b2);
  const minusFour = i16x8.splat(-4);
  const aSum = i16x8.mul(i16x8.add(aOuter, a1), minusFour);
  const bSum = i16x8.mul(i16x8.add(bOuter, b1), minusFour);
  storePair(u, aSum, bSum);
  u += step;
  const aDifference = i16x8.mul(i16x8.sub(aOuter, a1), minusFour);
  const bDifference = i16x8.mul(i16x8.sub(bOuter, b1), minusFour);
  storePair(u, aDifference, bDifference);
  u += step;
  const aEven = i16x8.add(a0, i16x8.shl(a2, 2));
  const bEven = i16x8.add(b0, i16x8.shl(b2, 2));
  const aOdd = i16x8.add(a1, a1);
  const bOdd = i16x8.add(b1, b1);
  storePair(u, i16x8.add(aEven, aOdd), i16x8.add(bEven, bOdd));
  u += step;
  storePair(u, i16x8.sub(aEven, aOdd), i16x8.sub(bEven, bOdd));
  u += step;
  storePair(u, i16x8.mul(a2, six), i16x8.mul(b2, six));
}

/** U of one panel of `channels` (even) channels. */
export function transformPanel(w: usize, channels: i32, to: usize, scratch: usize): void {
  const second = scratch + 288;
  const step = panelPositionBytes(channels);
  for (const end = w + <usize>(channels * 72); w < end; w += 144) {
    transformColumns(w, scratch);
    transformColumns(w + 72, second);
    let u = to;
    for (let row: usize = 0; row < 288; row += 48) {
      transformRowPair(scratch + row, second + row, u, step);
      u += 6 * step;
    }
    to += 32;
  }
}
