/**
 * A sum of products in an emulated accumulator (Wang et al. 2018). The products are exact. Inside a
 * chunk c = rnd(c + a · b), k ascending, from 0; after each chunk s = rnd(s + c), from 0; rnd rounds
 * the exact sum once to the accumulator's format.
 *
 * Stochastic rounding takes the draw of a position: rounding r of output o is draw o · R + r, where
 * r = k for products and K + j for the sum of chunk j, and R is K + (number of chunks) rounded up to
 * a multiple of 4. Draws are those of `drawSource`.
 */
import { ModelError, UnsupportedError } from "../errors.ts";
import { findFormat, isMinifloat, type Minifloat } from "../formats/index.ts";
import { type DrawStream, drawSource, MAX_DRAWS } from "../quantization/index.ts";

export interface ChunkedMatMulAttributes {
  /** Name of a signed minifloat: "fp16_e6m9", "bfloat16", "minifloat_e5m8b15". */
  readonly accumulator: string;
  /** Products of one chunk, from 1. */
  readonly chunk: number;
  readonly rounding: "nearest" | "stochastic";
  /** Where the draws come from; ignored by "nearest". */
  readonly draws: DrawStream;
}

/** The same of a layer, whose multipliers make up for what products are divided by. */
export interface AccumulateAttributes extends ChunkedMatMulAttributes {
  /** Products are divided by 2 to this power before they are added, 0 to 100. Default: 0. */
  readonly shift?: number | undefined;
}

/** @throws ModelError a name of no signed minifloat */
export function accumulatorOf({ accumulator }: ChunkedMatMulAttributes): Minifloat {
  const format = findFormat(accumulator);
  if (format !== undefined && isMinifloat(format) && format.signed) return format;
  throw new ModelError(`expected an accumulator in a signed minifloat, got ${accumulator}`);
}

/** Roundings of one output, a multiple of 4: a block of four draws serves one output. */
export function drawsPerOutput(depth: number, chunk: number): number {
  return Math.ceil((depth + Math.ceil(depth / chunk)) / 4) * 4;
}

/** The rules of a sum of `depth` products for each of `outputs`. @throws ModelError, UnsupportedError */
export function checkChunkedSum(
  attributes: ChunkedMatMulAttributes,
  outputs: number,
  depth: number,
): void {
  accumulatorOf(attributes);
  const { chunk, rounding, draws } = attributes;
  if (!Number.isSafeInteger(chunk) || chunk < 1) {
    throw new ModelError(`expected a chunk of 1 or more products, got ${chunk}`);
  }
  if (rounding === "stochastic") checkDraws(draws, outputs * drawsPerOutput(depth, chunk));
}

function checkDraws({ seed, layer, step, stream }: DrawStream, count: number): void {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new ModelError(`expected a seed in [0, 2^53), got ${seed}`);
  }
  for (const word of [layer, step, stream]) {
    if (!Number.isInteger(word) || word < 0 || word >= 2 ** 32) {
      throw new ModelError(`expected layer, step and stream in [0, 2^32), got ${word}`);
    }
  }
  if (count > MAX_DRAWS) throw new UnsupportedError(`${count} draws in one product`);
}

/** Σ_k a[k] · w[from + k] / 2^shift of output number `output`. */
export type SumOfProducts = (
  a: Float32Array,
  w: Float32Array,
  from: number,
  output: number,
) => number;

export function chunkedSum(attributes: AccumulateAttributes, depth: number): SumOfProducts {
  const { roundSum } = accumulatorOf(attributes);
  const { chunk, rounding, draws, shift = 0 } = attributes;
  const scale = 2 ** -shift;
  const perOutput = drawsPerOutput(depth, chunk);
  const drawAt = rounding === "stochastic" ? drawSource(draws) : () => undefined;
  return (a, w, from, output) => {
    const first = output * perOutput;
    let sum = 0;
    for (let start = 0; start < depth; start += chunk) {
      let c = 0;
      for (let k = start; k < Math.min(start + chunk, depth); k++) {
        c = roundSum(c, a[k]! * w[from + k]! * scale, drawAt(first + k));
      }
      sum = roundSum(sum, c, drawAt(first + depth + start / chunk));
    }
    return sum;
  };
}
