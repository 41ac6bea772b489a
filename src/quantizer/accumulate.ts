/** The option `accumulate`: its values, and where the sums of a layer lie in the accumulator's range. */
import { InputError } from "../errors.ts";
import type { Minifloat } from "../formats/index.ts";
import { minifloatValues } from "../operators/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { type MinifloatName, signedMinifloat } from "./minifloat-names.ts";
import type { WeightLayout } from "./weight-layout.ts";

export interface AccumulateOptions {
  /** Format of the emulated accumulator. */
  readonly format: MinifloatName;
  /** Products of one chunk. */
  readonly chunk: number;
  /** Default: "nearest". */
  readonly rounding?: "nearest" | "stochastic" | undefined;
  /** Of stochastic rounding; default 0. Layers draw from streams of their own. */
  readonly seed?: number | undefined;
}

const ROUNDINGS: readonly unknown[] = [undefined, "nearest", "stochastic"];

/** @returns the accumulator @throws InputError what no accumulator can be made of */
export function checkAccumulate(options: AccumulateOptions): Minifloat {
  const { format, chunk, rounding, seed = 0 }: Partial<AccumulateOptions> = options ?? {};
  const fail = (name: string, expected: string, got: unknown): never => {
    const shown = typeof got === "number" ? got : JSON.stringify(got);
    throw new InputError(`accumulate.${name}: expected ${expected}, got ${shown}`);
  };
  const accumulator = signedMinifloat(format, "accumulate.format");
  if (!Number.isSafeInteger(chunk) || chunk! < 1) fail("chunk", "an integer from 1", chunk);
  if (!ROUNDINGS.includes(rounding)) fail("rounding", '"nearest" or "stochastic"', rounding);
  if (!Number.isSafeInteger(seed) || seed < 0) fail("seed", "an integer in [0, 2^53)", seed);
  return accumulator;
}

/**
 * The power of two by which products are divided so that no sum of a layer overflows: codes use the
 * whole range of their format, whatever scale they have, and that of E4M3 alone reaches past float16. The largest sum
 * there can be counts: all inputs at their largest number, with the signs of the weights.
 */
export function accumulatorShift(
  accumulator: Minifloat,
  x: Minifloat,
  weights: Tensor,
  { channels, depth, weightAt }: WeightLayout,
): number {
  const values = minifloatValues(weights);
  let largest = 0;
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += Math.abs(values[weightAt(c, k)]!);
    largest = Math.max(largest, sum);
  }
  return Math.max(0, Math.ceil(Math.log2((largest * x.max) / accumulator.max)));
}
