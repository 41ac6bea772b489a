/** Sums in an emulated accumulator: `assembly/chunked.ts`, `assembly/chunked-depthwise.ts`. */
import { exponentOf, type Minifloat } from "../formats/index.ts";
import { depthwiseKernels } from "./depthwise.ts";
import type { Kernel } from "./kernel.ts";

/** Rows and columns of a tile. */
export const CHUNKED_MR = 4;
export const CHUNKED_NR = 4;

/** Sums, addends and draws of a tile, and keys; operands for each product of a sum. */
export const CHUNKED_SCRATCH_BYTES = 11 * CHUNKED_MR * CHUNKED_NR * 4 + 80;
export const CHUNKED_OPERAND_BYTES = CHUNKED_MR * CHUNKED_NR * 4;

/** How sums are rounded: `nearest_wide` where addends have more digits than the accumulator. */
export type ChunkedRounding = "nearest" | "nearest_wide" | "stochastic";

/** In the order of `mode` in the block. */
const ROUNDINGS: readonly ChunkedRounding[] = ["nearest", "nearest_wide", "stochastic"];

const accumulatorParameters = [
  ...["mode", "chunk", "leastExponent", "scaleBase", "mantissaStep", "max", "overflow"],
  ...["magic", "tail", "drawShift", "limit", "least"],
  ...["key0", "key1", "layer", "step", "stream", "outputBlocks"],
];
const floats = ["max", "overflow"];

const depthwiseRow = depthwiseKernels.find(({ name }) => name === "depthwise_f32_f32_4x8")!;

const blocks = {
  chunked_f32: {
    parameters: [
      ...accumulatorParameters,
      ...["a", "aStride", "groupStride", "w", "y", "m", "n", "groupColumns", "k"],
      ...["tileRows", "tilePanels", "columnTiles"],
    ],
    floats,
  },
  chunked_depthwise_f32: {
    parameters: [...depthwiseRow.parameters, ...accumulatorParameters],
    floats: [...depthwiseRow.floats!, ...floats],
  },
};

export const chunkedKernels: readonly Kernel[] = Object.entries(blocks).flatMap(([name, block]) =>
  ROUNDINGS.map((rounding) => ({
    ...{ name: `${name}_${rounding}`, isa: "simd128", module: "chunked" },
    ...block,
  })),
);

/** Fields that describe the accumulator. */
export function accumulatorFields(
  format: Minifloat,
  rounding: ChunkedRounding,
): Record<string, number> {
  const { mantissaBits, bias, max, smallestNormal } = format;
  const cut = 23 - mantissaBits;
  return {
    mode: ROUNDINGS.indexOf(rounding),
    // Nothing that occurs is as small as the second bound; it keeps the scales inside float32.
    leastExponent: Math.max(128 - bias, mantissaBits + 25) << 23,
    scaleBase: ((254 + mantissaBits) << 23) | 0,
    mantissaStep: mantissaBits << 23,
    max,
    overflow: format.decode(format.encode(Infinity)),
    magic: (cut << 23) | 0x400000,
    tail: 2 ** cut - 1,
    drawShift: 32 - cut,
    limit: (2 * bitsOf(max)) | 0,
    least: (2 * bitsOf(smallestNormal) - 1) | 0,
  };
}

function bitsOf(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0]!;
}

/** What is multiplied and where it is summed. */
export interface ChunkedOperands {
  readonly a: Minifloat;
  readonly b: Minifloat;
  readonly accumulator: Minifloat;
  readonly rounding: "nearest" | "stochastic";
  /** Products are divided by 2 to this power. Default: 0. */
  readonly shift?: number | undefined;
}

/**
 * The way to round if the kernels give the exact results for these operands. All numbers that occur are
 * multiples of the smallest product 2^q, so:
 *
 * - a product of d_a + d_b ≤ 24 binary digits between 2^q and 2^127 is exact in float32;
 * - q ≥ −126, and q or the smallest normal exponent ≥ −84: all numbers are normal in float32, and 2^(24 + M − e)
 *   is one at the smallest step too;
 * - stochastic: the error of a sum, a multiple of 2^q, is still a float32 number in units of 2^−24 of
 *   a step, also at the largest sum 2^e: q + 24 + M − e ≥ −149;
 * - nearest: 2^(23 − M) times the largest sum is a float32 number. No chunk grows past 2^(M + 2) times the
 *   largest product, since half a step there is more than that, and no sum of chunks past 2^(M + 2) times that.
 *
 * Nearest without a look at the error of the float32 sum: it decides only where that sum lies half-way
 * between two numbers of the accumulator. With an error other than 0, one addend has bits below 2^−23 of
 * the sum, so it is smaller than half a step, and the other, with no more digits than the accumulator, is
 * a number of it: the sum is not half-way.
 */
export function chunkedRounding(operands: ChunkedOperands): ChunkedRounding | undefined {
  const { a, b, accumulator, rounding, shift = 0 } = operands;
  const { mantissaBits, bias, signed, reserved, max } = accumulator;
  const digits = a.mantissaBits + b.mantissaBits + 2;
  const smallest = exponentOf(a.smallest) + exponentOf(b.smallest) - shift;
  const largestProduct = exponentOf(a.max) + exponentOf(b.max) + 2 - shift;
  const largestSum = Math.min(Math.max(exponentOf(max), largestProduct) + 1, 127);
  const hasKernel =
    digits <= 24 &&
    largestProduct <= 127 &&
    smallest >= -126 &&
    Math.max(smallest, 1 - bias) >= -84 &&
    (rounding === "nearest"
      ? Math.min(exponentOf(max), largestProduct + 2 * mantissaBits + 4) <= 103 + mantissaBits
      : smallest + 24 + mantissaBits - largestSum >= -149) &&
    signed &&
    reserved !== "fnuz" &&
    mantissaBits >= 1 &&
    mantissaBits <= 12 &&
    bias <= 127;
  if (!hasKernel) return undefined;
  if (rounding === "stochastic") return rounding;
  const isShort =
    digits <= mantissaBits + 1 &&
    digits + mantissaBits <= 22 &&
    mantissaBits <= 10 &&
    smallest >= exponentOf(accumulator.smallest);
  return isShort ? "nearest" : "nearest_wide";
}
