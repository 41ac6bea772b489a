/**
 * OMSE: the scale of one channel with the least squared error (Choukroun et al. 2019).
 *
 *     step 1   minimise ‖T − a·Q‖² over a > 0 and codes Q of the format
 *     step 2   for a given a:  Q = clamp(round(T / a));   for a given Q:  a = <T, Q> / <Q, Q>
 *     step 3   one scale per output channel
 *
 * With the second half of step 2 the error of Q is <T, T> − <T, Q>² / <Q, Q>. A Q that is nearest for
 * some a is met when a falls from ∞ to 0, where the code of t moves from ±k to ±(k + 1) at
 *
 *     a = |t| / (k + ½)
 *
 * and the sums change by |t| and 2k + 1. So one sweep over these points, in order, meets the optimum:
 * no grid, no iteration.
 */
import { QuantizationError } from "../errors.ts";
import { binary, type Format, roundHalfEven } from "../formats/index.ts";

/** Weights of one channel: integers (codes less their zero point), or real numbers. */
export type ChannelValues = Int16Array | Float32Array;

/** Magnitudes in ascending order, each with how often it occurs. */
interface Magnitudes {
  readonly values: Float64Array | Float32Array;
  readonly counts: Float64Array | undefined;
}

/**
 * The scale a > 0 of the least squared error ‖T − a·Q‖², in the unit of `values`; 0 where all values
 * are 0. @throws QuantizationError for values that are not finite
 */
export function bestScale(values: ChannelValues, format: Format): number {
  if (format === binary) return meanMagnitude(values);
  // A histogram beats sorting where there are more weights than values.
  if (values instanceof Int16Array && values.length > CODE_REACH) {
    const counts = countIntegers(values);
    return sweep(countedMagnitudes(counts, true), countedMagnitudes(counts, false), format);
  }
  const all = sortedMagnitudes(values, true);
  checkFinite(all.values.at(-1) ?? 0);
  return sweep(all, sortedMagnitudes(values, false), format);
}

/** @throws QuantizationError */
export function checkFinite(largest: number): void {
  if (!(largest < Infinity)) {
    throw new QuantizationError(`expected finite weights, got ${largest}`);
  }
}

/** The nearest code of a value in units of the scale, ties to even: the first half of step 2. */
export function nearestCode(steps: number, format: Format): number {
  if (format === binary) return steps >= 0 ? 1 : -1;
  const { min, max } = format;
  return roundHalfEven(steps < min ? min : steps > max ? max : steps);
}

/** Codes ±1: Q is the sign of T whatever a is, and a = <T, Q> / <Q, Q> the mean of |T|. */
function meanMagnitude(values: ChannelValues): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.abs(values[i]!);
  checkFinite(sum);
  return values.length === 0 ? 0 : sum / values.length;
}

/**
 * One list of points a per step k → k + 1 of the codes. Every list falls with its magnitudes, so the
 * next point of all is the largest of their heads.
 */
function sweep(all: Magnitudes, negative: Magnitudes, { min, max }: Format): number {
  // Codes without a positive opposite, −8 of int4, are for negative values alone.
  const steps = Math.max(-min, max);
  const lists = Array.from({ length: steps }, (_, k) => (k < max ? all : negative));
  const at = Int32Array.from(lists, ({ values }) => values.length - 1);
  const next = Float64Array.from(lists, ({ values }, k) => (values.at(-1) ?? 0) / (k + 0.5));
  const clipping = new Clipping(all, steps);
  let tq = 0;
  let qq = 0;
  let best = 0;
  let scale = 0;
  for (;;) {
    let k = 0;
    for (let i = 1; i < steps; i++) if (next[i]! > next[k]!) k = i;
    const point = next[k]!;
    if (point <= 0) return scale;
    const { values, counts } = lists[k]!;
    const index = at[k]!;
    const count = counts === undefined ? 1 : counts[index]!;
    tq += count * values[index]!;
    qq += count * (2 * k + 1);
    at[k] = index - 1;
    next[k] = index === 0 ? 0 : values[index - 1]! / (k + 0.5);
    const gain = (tq * tq) / qq;
    if (gain > best) {
      best = gain;
      scale = tq / qq;
    }
    if (k === steps - 1 && clipping.error(point) > clipping.energy - best) return scale;
  }
}

/**
 * What is lost for certain at scale a: Σ (|t| − steps·a)² over the |t| beyond the last code. It grows as
 * a falls, so the sweep ends once it exceeds the least error so far.
 */
class Clipping {
  /** <T, T>. */
  readonly energy: number;
  readonly #all: Magnitudes;
  readonly #steps: number;
  #at: number;
  /** Count, sum and sum of squares of the magnitudes beyond. */
  #n = 0;
  #sum = 0;
  #squares = 0;

  constructor(all: Magnitudes, steps: number) {
    this.#all = all;
    this.#steps = steps;
    this.#at = all.values.length - 1;
    let energy = 0;
    all.values.forEach((value, i) => (energy += (all.counts?.[i] ?? 1) * value * value));
    this.energy = energy;
  }

  /** For falling values of a. */
  error(a: number): number {
    const { values, counts } = this.#all;
    const limit = this.#steps * a;
    while (this.#at >= 0 && values[this.#at]! > limit) {
      const value = values[this.#at]!;
      const count = counts?.[this.#at] ?? 1;
      this.#n += count;
      this.#sum += count * value;
      this.#squares += count * value * value;
      this.#at--;
    }
    return this.#squares - 2 * limit * this.#sum + limit * limit * this.#n;
  }
}

/** Magnitudes of the negative numbers, with the others or without. */
function sortedMagnitudes(values: ChannelValues, withPositive: boolean): Magnitudes {
  const magnitudes = new Float32Array(values.length);
  let n = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (withPositive || value < 0) magnitudes[n++] = Math.abs(value);
  }
  return { values: magnitudes.subarray(0, n).sort(), counts: undefined };
}

/** Codes less their zero point: −255 … 255. */
const CODE_REACH = 255;

/** How often each integer occurs, at index value + CODE_REACH. */
function countIntegers(values: Int16Array): Int32Array {
  const counts = new Int32Array(2 * CODE_REACH + 1);
  for (let i = 0; i < values.length; i++) counts[values[i]! + CODE_REACH]!++;
  return counts;
}

/** Magnitudes of the negative integers, with the positive ones or without. */
function countedMagnitudes(counts: Int32Array, withPositive: boolean): Magnitudes {
  const values = new Float64Array(CODE_REACH);
  const found = new Float64Array(CODE_REACH);
  let n = 0;
  for (let value = 1; value <= CODE_REACH; value++) {
    const positive = withPositive ? counts[CODE_REACH + value]! : 0;
    const count = counts[CODE_REACH - value]! + positive;
    if (count === 0) continue;
    values[n] = value;
    found[n++] = count;
  }
  return { values: values.subarray(0, n), counts: found.subarray(0, n) };
}
