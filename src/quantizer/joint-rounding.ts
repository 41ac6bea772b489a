/**
 * Rounding the weights of one filter by what they read. With C the covariance of the inputs, the variance of
 * what rounding adds to an output is eᵀ · C · e, e the errors of the weights (their mean is taken off the
 * bias). Two steps make it small:
 *
 * 1. Nearest plane (Babai 1986), which is GPTQ (Frantar et al. 2022): with C = Lᵀ · L the variance is Σ (L · e)[k]²,
 *    and row k of L meets the errors up to k alone. Weight k takes the number of the grid that makes its own
 *    term least, given the weights before it.
 * 2. Coordinate descent: a weight takes the number that is best beside all others as they are, until none changes.
 */
import type { CovarianceBlock } from "./input-moments.ts";

/** The nearest number that weight k can be. */
export type GridRounder = (value: number, k: number) => number;

const MAX_SWEEPS = 8;

/** @returns numbers of the grid for the weights of a filter */
export function roundTogether(
  values: Float64Array,
  round: GridRounder,
  blocks: readonly CovarianceBlock[],
): Float64Array {
  const rounded = new Float64Array(values.length);
  for (const block of blocks) {
    const slope = takeNearestPlanes(values, round, block, rounded);
    descend(round, block, rounded, slope);
  }
  return rounded;
}

/**
 * Four rows of L at a time: what they meet of the errors before them, and what they add to the slope there.
 * @returns C · e = Lᵀ · (L · e), half of the slope of the variance
 */
function takeNearestPlanes(
  values: Float64Array,
  round: GridRounder,
  { from, to, factor }: CovarianceBlock,
  rounded: Float64Array,
): Float64Array {
  const n = to - from;
  const errors = new Float64Array(n);
  const slope = new Float64Array(n);
  const sums = new Float64Array(4);
  // The short rows come first and alone: up to 4 rows that have nothing before them.
  for (let start = 0, end = n % 4 || 4; start < n; start = end, end += 4) {
    addProducts(factor, n, start, errors, sums);
    for (let k = start; k < end; k++) {
      let sum = sums[k - start]!;
      for (let i = start; i < k; i++) sum += factor[k * n + i]! * errors[i]!;
      const diagonal = factor[k * n + k]!;
      const value = values[from + k]!;
      const own = round(value - sum / diagonal, from + k);
      rounded[from + k] = own;
      errors[k] = own - value;
      const term = sum + diagonal * (own - value);
      sums[k - start] = term;
      for (let i = start; i <= k; i++) slope[i]! += term * factor[k * n + i]!;
    }
    addTerms(factor, n, start, sums, slope);
  }
  return slope;
}

/** sums[r] = Σ over i < start of L[start + r, i] · errors[i]. */
function addProducts(
  factor: Float64Array,
  n: number,
  start: number,
  errors: Float64Array,
  sums: Float64Array,
): void {
  let a = 0;
  let b = 0;
  let c = 0;
  let d = 0;
  const row = start * n;
  for (let i = 0; i < start; i++) {
    const error = errors[i]!;
    const at = row + i;
    a += factor[at]! * error;
    b += factor[at + n]! * error;
    c += factor[at + 2 * n]! * error;
    d += factor[at + 3 * n]! * error;
  }
  sums[0] = a;
  sums[1] = b;
  sums[2] = c;
  sums[3] = d;
}

/** slope[i] += Σ over r of L[start + r, i] · terms[r], for i < start. */
function addTerms(
  factor: Float64Array,
  n: number,
  start: number,
  terms: Float64Array,
  slope: Float64Array,
): void {
  const a = terms[0]!;
  const b = terms[1]!;
  const c = terms[2]!;
  const d = terms[3]!;
  const row = start * n;
  for (let i = 0; i < start; i++) {
    const at = row + i;
    slope[i]! +=
      a * factor[at]! + b * factor[at + n]! + (c * factor[at + 2 * n]! + d * factor[at + 3 * n]!);
  }
}

/** @param slope C · e; it is written */
function descend(
  round: GridRounder,
  { from, to, covariance }: CovarianceBlock,
  rounded: Float64Array,
  slope: Float64Array,
): void {
  const n = to - from;
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let moved = 0;
    for (let k = 0; k < n; k++) {
      const variance = covariance[k * n + k]!;
      const old = rounded[from + k]!;
      const move = round(old - slope[k]! / variance, from + k) - old;
      if (move * (2 * slope[k]! + variance * move) >= 0) continue;
      rounded[from + k] = old + move;
      for (let l = 0, at = k * n; l < n; l++, at++) slope[l]! += move * covariance[at]!;
      moved++;
    }
    if (moved === 0) return;
  }
}
