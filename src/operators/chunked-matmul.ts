/**
 * ChunkedMatMul: y[m, n] = Σ_k a[m, k] · b[n, k] in an emulated accumulator (Wang et al. 2018). The
 * products are exact. Inside a chunk c = rnd(c + a · b), k ascending, from 0; after each chunk
 * s = rnd(s + c), from 0; rnd rounds the exact sum once to the accumulator's format.
 *
 * Stochastic rounding takes the draw of a position: rounding r of output o = m · N + n is draw
 * o · R + r, where r = k for products and K + j for the sum of chunk j, and R is K + (number of
 * chunks) rounded up to a multiple of 4. Draws are those of `drawSource`.
 */
import { ModelError, UnsupportedError } from "../errors.ts";
import { findFormat, isMinifloat, type Minifloat } from "../formats/index.ts";
import { type DrawStream, drawSource, MAX_DRAWS } from "../quantization/index.ts";
import { allocateTensor, elementCount, type TensorType } from "../tensor/index.ts";
import { checkCounts, checkFormat, outputType, requireInput } from "./checks.ts";
import { fullyConnectedGeometry } from "./fully-connected.ts";
import { minifloatOf, minifloatValues } from "./minifloat-codes.ts";
import type { Operator } from "./operator.ts";

export interface ChunkedMatMulAttributes {
  /** Name of a signed minifloat: "fp16_e6m9", "bfloat16", "minifloat_e5m8b15". */
  readonly accumulator: string;
  /** Products of one chunk, from 1. */
  readonly chunk: number;
  readonly rounding: "nearest" | "stochastic";
  /** Where the draws come from; ignored by "nearest". */
  readonly draws: DrawStream;
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

/** Inputs: a [..., K] and b [N, K] in minifloats without scales. Output: float32 [rows, N]. */
export const chunkedMatMul: Operator<ChunkedMatMulAttributes> = {
  name: "ChunkedMatMul",

  infer(inputs, attributes, declared) {
    checkCounts(inputs, [2, 2], declared);
    const a = requireInput(inputs, 0, "rows");
    const b = requireInput(inputs, 1, "columns");
    for (const operand of [a, b]) {
      const { signed, name } = minifloatOf(operand, "operands");
      if (!signed) throw new ModelError(`expected operands with a sign, got ${name}`);
      if (operand.quantization !== undefined) {
        throw new UnsupportedError("ChunkedMatMul of operands with scales");
      }
    }
    accumulatorOf(attributes);
    checkFormat(declared[0]!, ["float32"], "output");
    const { rows, columns, depth } = fullyConnectedGeometry(a, b);
    const { chunk, rounding, draws } = attributes;
    if (!Number.isSafeInteger(chunk) || chunk < 1) {
      throw new ModelError(`expected a chunk of 1 or more products, got ${chunk}`);
    }
    if (rounding === "stochastic") checkDraws(draws, rows * columns * drawsPerOutput(depth, chunk));
    return [outputType(declared[0]!, [rows, columns])];
  },

  reference([a, b], attributes, { outputs }) {
    const y = allocateTensor(outputs[0]!);
    const { roundSum } = accumulatorOf(attributes);
    const { chunk, rounding, draws } = attributes;
    const { rows, columns, depth } = fullyConnectedGeometry(a!.type, b!.type);
    const x = minifloatValues(a!);
    const w = minifloatValues(b!);
    const perOutput = drawsPerOutput(depth, chunk);
    const drawAt = rounding === "stochastic" ? drawSource(draws) : () => undefined;
    for (let m = 0; m < rows; m++) {
      for (let n = 0; n < columns; n++) {
        const first = (m * columns + n) * perOutput;
        let sum = 0;
        for (let start = 0; start < depth; start += chunk) {
          let c = 0;
          for (let k = start; k < Math.min(start + chunk, depth); k++) {
            c = roundSum(c, x[m * depth + k]! * w[n * depth + k]!, drawAt(first + k));
          }
          sum = roundSum(sum, c, drawAt(first + depth + start / chunk));
        }
        y.data[m * columns + n] = sum;
      }
    }
    return [y];
  },

  macs(inputs, outputs) {
    return elementCount(outputs[0]!.shape) * (inputs[1] as TensorType).shape[1]!;
  },
};

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
