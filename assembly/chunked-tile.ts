/**
 * 4 rows of 4 sums of products in chunks, rounded as `accumulator.ts` says.
 *
 *     a[0][k][4] ·               c0          c0 … c3: sums of a chunk, in registers for as long as sums
 *     a[1][k][4] ·  w[k][4]  →   c1          are rounded in short. One that is not goes through
 *     a[2][k][4] ·               c2          scratch, as sums of chunks do.
 *     a[3][k][4] ·               c3
 *
 * Scratch holds a[0 … 3][k] for k = 0, 1, …, which the kernel brings together, and draws: four roundings of
 * all rows at a time.
 */
import { Accumulator, addRows, FOUR, NEAREST, STOCHASTIC } from "./accumulator";
import { addDrawn, addShort } from "./chunked-sums";
import { storePart128 } from "./lanes";
import { KEY_BYTES, philox8, prepareKeys } from "./rng";

// Scratch of a tile, in bytes from its start: sums of a chunk, addends, sums of chunks; draws of products and of
// chunks; keys.
const ADDENDS: usize = FOUR;
const SUMS: usize = 2 * FOUR;
const DRAWS: usize = 3 * FOUR;
const SUM_DRAWS: usize = 7 * FOUR;
const KEYS: usize = 11 * FOUR;
/** a, `FOUR` bytes for each k; what is behind it is the kernel's own. */
export const OPERANDS: usize = KEYS + ((KEY_BYTES + 15) & -16);

/** The words that draws need, once per tile of a step. */
export function prepareDraws(accumulator: usize, scratch: usize): void {
  const a = changetype<Accumulator>(accumulator);
  prepareKeys(a.key0, a.key1, a.layer, a.step, a.stream, scratch + KEYS);
}

/** Draws 4 · block … 4 · block + 3 of outputs `output` + 0 … 3, and of the rows below. */
function drawRows(
  a: Accumulator,
  scratch: usize,
  output: i32,
  rowStep: i32,
  block: i32,
  to: usize,
): void {
  const blocks = a.outputBlocks;
  let counter = i32x4.add(
    i32x4.splat(output * blocks + block),
    i32x4.mul(i32x4(0, 1, 2, 3), i32x4.splat(blocks)),
  );
  const next = i32x4.splat(rowStep * blocks);
  for (const end = to + 4 * FOUR; to < end; to += 2 * FOUR) {
    const other = i32x4.add(counter, next);
    philox8(counter, other, scratch + KEYS, to);
    counter = i32x4.add(other, next);
  }
}

/**
 * The sums of chunks of a tile: `sumOf`. Draws are those of outputs `output` + 0 … 3, the rows `rowStep`
 * outputs apart.
 */
export function sumTile(
  accumulator: usize,
  scratch: usize,
  depth: i32,
  w: usize,
  output: i32,
  rowStep: i32,
): void {
  const p = changetype<Accumulator>(accumulator);
  const zero = f32x4.splat(0);
  for (let i: usize = 0; i < FOUR; i += 16) v128.store(scratch + i, zero, SUMS);
  const stochastic = p.mode == STOCHASTIC;
  const draws = scratch + DRAWS;
  let a = scratch + OPERANDS;
  let drawn = -1;
  let sumDrawn = -1;
  let k = 0;
  for (let rounding = depth; k < depth; rounding++) {
    for (let i: usize = 0; i < FOUR; i += 16) v128.store(scratch + i, zero);
    const end = min(k + p.chunk, depth);
    while (k < end) {
      let stop = end;
      if (stochastic) {
        if (drawn != k >> 2) {
          drawn = k >> 2;
          drawRows(p, scratch, output, rowStep, drawn, draws);
        }
        stop = min(end, (k | 3) + 1);
      }
      const first = k;
      if (stochastic) k = addDrawn(p, scratch, a, w, k, stop, draws);
      else if (p.mode == NEAREST) k = addShort(p, scratch, a, w, k, stop, false);
      else k = addShort(p, scratch, a, w, k, stop, true);
      a += ((k - first) as usize) * FOUR;
      w += ((k - first) as usize) << 4;
      if (k < stop) {
        const b = v128.load(w);
        for (let i: usize = 0; i < FOUR; i += 16) {
          v128.store(scratch + i, f32x4.mul(v128.load(a + i), b), ADDENDS);
        }
        const draw = draws + (((k & 3) as usize) << 4);
        addRows(accumulator, scratch, scratch + ADDENDS, draw, scratch, stochastic);
        a += FOUR;
        w += 16;
        k++;
      }
    }
    if (stochastic && sumDrawn != rounding >> 2) {
      sumDrawn = rounding >> 2;
      drawRows(p, scratch, output, rowStep, sumDrawn, scratch + SUM_DRAWS);
    }
    const draw = scratch + SUM_DRAWS + (((rounding & 3) as usize) << 4);
    addRows(accumulator, scratch + SUMS, scratch, draw, scratch + SUMS, stochastic);
  }
}

/** Writes `bytes` of each of `rows` rows of sums, `stride` bytes apart; any NaN as 0x7FC00000. */
export function storeRows(scratch: usize, y: usize, stride: usize, rows: i32, bytes: i32): void {
  for (; rows > 0; rows--) {
    const value = v128.load(scratch, SUMS);
    const oneNaN = v128.bitselect(value, i32x4.splat(0x7fc00000), f32x4.eq(value, value));
    storePart128(y, oneNaN, bytes);
    scratch += 16;
    y += stride;
  }
}
