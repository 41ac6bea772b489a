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
  const errors = new Float64Array(values.length);
  for (const block of blocks) {
    takeNearestPlanes(values, round, block, rounded, errors);
    descend(round, block, rounded, errors);
  }
  return rounded;
}

function takeNearestPlanes(
  values: Float64Array,
  round: GridRounder,
  { from, to, factor }: CovarianceBlock,
  rounded: Float64Array,
  errors: Float64Array,
): void {
  const n = to - from;
  for (let k = 0; k < n; k++) {
    let sum = 0;
    for (let i = 0, at = k * n; i < k; i++, at++) sum += factor[at]! * errors[from + i]!;
    const value = values[from + k]!;
    const own = round(value - sum / factor[k * n + k]!, from + k);
    rounded[from + k] = own;
    errors[from + k] = own - value;
  }
}

function descend(
  round: GridRounder,
  { from, to, covariance }: CovarianceBlock,
  rounded: Float64Array,
  errors: Float64Array,
): void {
  const n = to - from;
  // C · e: half of the slope of the variance.
  const slope = new Float64Array(n);
  for (let k = 0; k < n; k++) addRow(slope, covariance, k, errors[from + k]!);
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let moved = 0;
    for (let k = 0; k < n; k++) {
      const variance = covariance[k * n + k]!;
      const old = rounded[from + k]!;
      const move = round(old - slope[k]! / variance, from + k) - old;
      if (move * (2 * slope[k]! + variance * move) >= 0) continue;
      rounded[from + k] = old + move;
      errors[from + k]! += move;
      addRow(slope, covariance, k, move);
      moved++;
    }
    if (moved === 0) return;
  }
}

/** Adds row k of C, times a factor, to the slope. */
function addRow(slope: Float64Array, covariance: Float64Array, k: number, factor: number): void {
  const n = slope.length;
  if (factor === 0) return;
  for (let l = 0, at = k * n; l < n; l++, at++) slope[l]! += factor * covariance[at]!;
}
