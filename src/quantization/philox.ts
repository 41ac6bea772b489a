/**
 * Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): random words as a
 * function of a counter and a key. A draw depends on its position alone, so the order in which
 * positions are visited, tiles and threads do not matter (docs/minifloat.md).
 */

export type PhiloxCounter = readonly [number, number, number, number];
export type PhiloxKey = readonly [number, number];

const MULTIPLIERS = [0xd2511f53, 0xcd9e8d57] as const;
const KEY_STEPS = [0x9e3779b9, 0xbb67ae85] as const;
const ROUNDS = 10;

/** Upper 32 bits of the product of two words. */
function multiplyHigh(a: number, b: number): number {
  const low = (a & 0xffff) * (b & 0xffff);
  const middle = (a >>> 16) * (b & 0xffff) + (low >>> 16);
  const other = (a & 0xffff) * (b >>> 16) + (middle % 65536);
  return ((a >>> 16) * (b >>> 16) + Math.floor(middle / 65536) + Math.floor(other / 65536)) >>> 0;
}

/** Four uniform words of 32 bits. */
export function philox4x32(counter: PhiloxCounter, key: PhiloxKey): PhiloxCounter {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIERS[0], c0);
    const high1 = multiplyHigh(MULTIPLIERS[1], c2);
    const low0 = Math.imul(MULTIPLIERS[0], c0) >>> 0;
    const low1 = Math.imul(MULTIPLIERS[1], c2) >>> 0;
    [c0, c1, c2, c3] = [(high1 ^ c1 ^ k0) >>> 0, low1, (high0 ^ c3 ^ k1) >>> 0, low0];
    k0 = (k0 + KEY_STEPS[0]) >>> 0;
    k1 = (k1 + KEY_STEPS[1]) >>> 0;
  }
  return [c0, c1, c2, c3];
}

/** Where draws come from: the key and three words of the counter. Integers from 0. */
export interface DrawStream {
  /** Below 2^53; its low 32 bits are the first word of the key. */
  readonly seed: number;
  readonly layer: number;
  /** Sample or training step. */
  readonly step: number;
  readonly stream: number;
}

/** The largest index of a draw is below this: four draws to each value of the first counter word. */
export const MAX_DRAWS = 2 ** 34;

export function keyOf({ seed }: DrawStream): PhiloxKey {
  return [seed >>> 0, Math.floor(seed / 2 ** 32)];
}

/** Draws of 24 bits by index: word i mod 4 of counter (⌊i / 4⌋, layer, step, stream), less 8 bits. */
export function drawSource(stream: DrawStream): (index: number) => number {
  const key = keyOf(stream);
  const { layer, step, stream: last } = stream;
  let block = -1;
  let words: PhiloxCounter = [0, 0, 0, 0];
  return (index) => {
    const wanted = Math.floor(index / 4);
    if (wanted !== block) {
      words = philox4x32([wanted, layer, step, last], key);
      block = wanted;
    }
    return words[index % 4]! >>> 8;
  };
}
