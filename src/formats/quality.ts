/**
 * How well a format holds Gaussian and Laplace data: the signal-to-quantization-noise ratio. The data
 * are equally spaced quantiles of the distribution in place of draws, so that the figures are exact
 * properties of the format.
 */
import type { Format } from "./format.ts";

export type Distribution = "gaussian" | "laplace";

/** Decibels: with the scale of least error, and with the one that maps the largest value to `max`. */
export interface Quality {
  readonly best: number;
  readonly absmax: number;
}

/** Quantiles at (i + 0.5) / 20,000, of which the upper half suffices: formats here are symmetric. */
const QUANTILES = 20_000;

/** Scales tried: largest value at max · 2^(i / 32), five binades of clipping. */
const SCALES = 160;
const SCALES_PER_BINADE = 32;

const quantiles: Readonly<Record<Distribution, (p: number) => number>> = {
  gaussian: gaussianQuantile,
  laplace: (p) => -Math.log(2 * (1 - p)) / Math.SQRT2,
};

/** The data of a distribution in order, both halves. */
export function quantilesOf(distribution: Distribution): Float64Array {
  const upper = upperQuantiles(quantiles[distribution]);
  return Float64Array.from({ length: QUANTILES }, (_, i) =>
    i < QUANTILES / 2 ? -upper[QUANTILES / 2 - 1 - i]! : upper[i - QUANTILES / 2]!,
  );
}

function upperQuantiles(quantile: (p: number) => number): Float64Array {
  const half = QUANTILES / 2;
  return Float64Array.from({ length: half }, (_, i) => quantile((half + i + 0.5) / QUANTILES));
}

/** x with Φ(x) = p ≥ 1/2, by Newton steps from a bound. */
function gaussianQuantile(p: number): number {
  let x = 0;
  for (let step = 0; step < 60; step++) {
    const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
    const change = (p - gaussianDistribution(x)) / density;
    x += change;
    if (Math.abs(change) < 1e-13) break;
  }
  return x;
}

/** Φ(x) = 1/2 + φ(x) · (x + x³/3 + x⁵/(3·5) + …), x ≥ 0. */
function gaussianDistribution(x: number): number {
  let term = x;
  let sum = x;
  for (let k = 3; term > sum * 1e-17; k += 2) {
    term *= (x * x) / k;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

/**
 * Magnitudes of a format in order, 0 included where it exists; undefined for formats without signed
 * values or of more than 16 bits.
 */
export function magnitudesOf({ bits, min, decode }: Format): Float64Array | undefined {
  if (bits > 16 || min >= 0) return undefined;
  const values = new Set<number>();
  for (let code = 0; code < 2 ** bits; code++) {
    const value = decode(code);
    if (value >= 0 && value < Infinity) values.add(Math.abs(value));
  }
  return Float64Array.from(values).sort();
}

/** The quality of a format, or undefined for one without signed values. */
export function qualityOf(format: Format, distribution: Distribution): Quality | undefined {
  const levels = magnitudesOf(format);
  if (levels === undefined) return undefined;
  const data = upperQuantiles(quantiles[distribution]);
  const largest = data.at(-1)!;
  const signal = data.reduce((sum, value) => sum + value * value, 0);
  const decibels = (scale: number) => 10 * Math.log10(signal / squaredError(data, levels, scale));
  const full = largest / levels.at(-1)!;
  const all = Array.from({ length: SCALES }, (_, i) =>
    decibels(full * 2 ** (-i / SCALES_PER_BINADE)),
  );
  return { best: Math.max(...all), absmax: all[0]! };
}

/** Σ (x − nearest level · scale)²; both lists ascend, so one pass over each is enough. */
function squaredError(data: Float64Array, levels: Float64Array, scale: number): number {
  let level = 0;
  let sum = 0;
  for (const value of data) {
    const x = value / scale;
    while (level + 1 < levels.length && levels[level]! + levels[level + 1]! < 2 * x) level++;
    sum += (x - levels[level]!) ** 2;
  }
  return sum * scale * scale;
}
