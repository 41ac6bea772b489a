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

/** Scratch of the transform: G·g of one channel, then U of both channels of a pair. */
export const WEIGHT_SCRATCH: usize = 288 + 2 * 576;

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

/** U of one channel for eight columns: 36 vectors side by side at `to`. */
@inline
function transformFilter(w: usize, rows: usize, to: usize): void {
  for (let j: usize = 0; j < 3; j++) {
    const tap = w + (j << 3);
    const g0 = v128.load8x8_s(tap);
    const g1 = v128.load8x8_s(tap, 24);
    const g2 = v128.load8x8_s(tap, 48);
    transformTaps(g0, g1, g2, rows + (j << 4), 48);
  }
  for (let row = rows, end = rows + 288; row < end; row += 48) {
    transformTaps(v128.load(row), v128.load(row, 16), v128.load(row, 32), to, 16);
    to += 96;
  }
}

/** U of one panel of `channels` (even) channels. */
export function transformPanel(w: usize, channels: i32, to: usize, scratch: usize): void {
  const first = scratch + 288;
  const second = first + 576;
  const step = panelPositionBytes(channels);
  for (const end = w + <usize>(channels * 72); w < end; w += 144) {
    transformFilter(w, scratch, first);
    transformFilter(w + 72, scratch, second);
    let u = to;
    for (let at: usize = 0; at < POSITIONS << 4; at += 16) {
      const a = v128.load(first + at);
      const b = v128.load(second + at);
      v128.store(u, interleaveLow16(a, b));
      v128.store(u, interleaveHigh16(a, b), 16);
      u += step;
    }
    to += 32;
  }
}
