/**
 * Means and covariances of what the filters of a layer read. Means are what biases make up for
 * (`bias-correction.ts`), covariances what is left for the rounding of weights (`joint-rounding.ts`).
 */
import type { InputRows } from "./input-rows.ts";
import { sumOfProducts } from "./sum-of-products.ts";

/** Weights from … to − 1 of a filter, n of them, whose inputs vary together. */
export interface CovarianceBlock {
  readonly from: number;
  readonly to: number;
  /** C [n][n]: symmetric, positive definite. */
  readonly covariance: Float64Array;
  /** L [n][n]: lower triangular, C = Lᵀ · L. */
  readonly factor: Float64Array;
}

/** Longer filters are cut: weight k costs as much as there are weights beside it in its block. */
const MAX_BLOCK = 256;

/** What is added to each variance, of their mean: covariances of few rows are not to be trusted. */
const DAMPING = 0.05;
/** And of their mean square: more than float64 loses in the differences below. */
const LEAST = 1e-9;

export class InputMoments {
  /** [groups][depth]. */
  readonly mean: Float64Array;
  /** Of what the layer reads in place of that, where its input is rounded. */
  readonly roundedMean: Float64Array;
  readonly #depth: number;
  readonly #rows: readonly Float32Array[];
  readonly #blocks = new Map<number, readonly CovarianceBlock[]>();

  /** @param round how the layer's input is rounded; undefined: not at all */
  constructor({ rows, depth }: InputRows, round?: (value: number) => number) {
    this.#depth = depth;
    this.mean = meanOf(rows);
    this.#rows = round === undefined ? rows : rows.map((row) => roundedRow(row, round));
    this.roundedMean = round === undefined ? this.mean : meanOf(this.#rows);
  }

  blocksOf(group: number): readonly CovarianceBlock[] {
    const known = this.#blocks.get(group);
    if (known !== undefined) return known;
    const count = Math.ceil(this.#depth / MAX_BLOCK);
    const blocks = Array.from({ length: count }, (_, i) => {
      const from = Math.floor((i * this.#depth) / count);
      const to = Math.floor(((i + 1) * this.#depth) / count);
      const covariance = this.#covariance(group * this.#depth + from, to - from);
      return { from, to, covariance, factor: choleskyFactor(covariance, to - from) };
    });
    this.#blocks.set(group, blocks);
    return blocks;
  }

  /** Of elements first … first + n − 1 of the rows. */
  #covariance(first: number, n: number): Float64Array {
    const sums = sumOfProducts(this.#rows, first, n);
    const power = traceOf(sums, n) / n / this.#rows.length;
    const mean = this.roundedMean.subarray(first, first + n);
    const count = this.#rows.length;
    for (let k = 0; k < n; k++) {
      for (let l = 0; l <= k; l++) {
        sums[k * n + l] = sums[k * n + l]! / count - mean[k]! * mean[l]!;
      }
    }
    // Inputs that never vary say nothing: their weights are rounded to nearest.
    const damping = (DAMPING * traceOf(sums, n)) / n + LEAST * power || 1;
    for (let k = 0; k < n; k++) {
      sums[k * n + k]! += damping;
      for (let l = 0; l < k; l++) sums[l * n + k] = sums[k * n + l]!;
    }
    return sums;
  }
}

function roundedRow(row: Float32Array, round: (value: number) => number): Float32Array {
  const rounded = new Float32Array(row.length);
  for (let i = 0; i < row.length; i++) rounded[i] = round(row[i]!);
  return rounded;
}

function traceOf(matrix: Float64Array, n: number): number {
  let trace = 0;
  for (let k = 0; k < n; k++) trace += matrix[k * n + k]!;
  return trace;
}

function meanOf(rows: readonly Float32Array[]): Float64Array {
  const mean = new Float64Array(rows[0]?.length ?? 0);
  for (const row of rows) for (let i = 0; i < mean.length; i++) mean[i]! += row[i]!;
  return mean.map((sum) => sum / rows.length);
}

/** L of C = Lᵀ · L, from the last row to the first. */
function choleskyFactor(covariance: Float64Array, n: number): Float64Array {
  const factor = covariance.slice();
  for (let k = n - 1; k >= 0; k--) {
    const root = Math.sqrt(factor[k * n + k]!);
    for (let i = 0; i < n; i++) factor[k * n + i] = i <= k ? factor[k * n + i]! / root : 0;
    for (let i = 0; i < k; i++) {
      const share = factor[k * n + i]!;
      for (let l = 0; l <= i; l++) factor[i * n + l]! -= share * factor[k * n + l]!;
    }
  }
  return factor;
}
