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
 * output tiles; the transform is some 24 instructions a filter, paid once per group.
 *
 *     panel: [C/2][9 taps][8 columns][2 c] int8   →   U: [36 positions][C/2][8 columns][2 c] int16
 */
import { POSITIONS } from "./winograd-transform";

/** Scratch of the transform: G·g of four columns of a pair of channels, and two constants. */
export const WEIGHT_SCRATCH: usize = 288 + 32;
const CONSTANTS: usize = 288;

/** Bytes from position to position of U; the odd line keeps the 36 stores off one cache set. */
@inline
export function panelPositionBytes(channels: i32): usize {
  return ((<usize>channels) << 4) + 64;
}

/** The 1-D transform of three taps; results `step` bytes apart. */
@inline
function transformTaps(
  g0: v128,
  g1: v128,
  g2: v128,
  six: v128,
  minusFour: v128,
  to: usize,
  step: usize,
): void {
  const outer = i16x8.add(g0, g2);
  const even = i16x8.add(g0, i16x8.shl(g2, 2));
  const odd = i16x8.add(g1, g1);
  v128.store(to, i16x8.mul(g0, six));
  to += step;
  v128.store(to, i16x8.mul(i16x8.add(outer, g1), minusFour));
  to += step;
  v128.store(to, i16x8.mul(i16x8.sub(outer, g1), minusFour));
  to += step;
  v128.store(to, i16x8.add(even, odd));
  to += step;
  v128.store(to, i16x8.sub(even, odd));
  to += step;
  v128.store(to, i16x8.mul(g2, six));
}

/** U of four columns of a pair of channels; `scratch` has G·g, 6 rows of 3 taps. */
@inline
function transformFilters(w: usize, u: usize, step: usize, scratch: usize): void {
  // From memory: V8 builds a constant anew at each use.
  const six = v128.load(scratch, CONSTANTS);
  const minusFour = v128.load(scratch, CONSTANTS + 16);
  for (let tap: usize = 0; tap < 48; tap += 16) {
    const g0 = v128.load8x8_s(w + tap);
    const g1 = v128.load8x8_s(w + tap, 48);
    const g2 = v128.load8x8_s(w + tap, 96);
    transformTaps(g0, g1, g2, six, minusFour, scratch + tap, 48);
  }
  for (let row: usize = 0; row < 288; row += 48) {
    const a0 = v128.load(scratch + row);
    const a1 = v128.load(scratch + row, 16);
    const a2 = v128.load(scratch + row, 32);
    transformTaps(a0, a1, a2, six, minusFour, u, step);
    u += 6 * step;
  }
}

/** U of one panel of `channels` (even) channels. */
export function transformPanel(w: usize, channels: i32, to: usize, scratch: usize): void {
  const step = panelPositionBytes(channels);
  v128.store(scratch, i16x8.splat(6), CONSTANTS);
  v128.store(scratch, i16x8.splat(-4), CONSTANTS + 16);
  for (const end = w + <usize>(channels * 72); w < end; w += 144) {
    transformFilters(w, to, step, scratch);
    transformFilters(w + 8, to + 16, step, scratch);
    to += 32;
  }
}
