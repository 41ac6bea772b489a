/** Matrix products with an emulated accumulator: `assembly/chunked.ts`. */
import { exponentOf, type Minifloat } from "../formats/index.ts";
import type { Kernel } from "./kernel.ts";

/** Rows and columns of a tile. */
export const CHUNKED_MR = 4;
export const CHUNKED_NR = 4;

/** Draws of a tile: of the products, and of the sums of chunks. */
export const CHUNKED_SCRATCH_BYTES = 2 * CHUNKED_MR * CHUNKED_NR * 16;

export const chunkedKernels: readonly Kernel[] = ["nearest", "stochastic"].map((rounding) => ({
  name: `chunked_f32_${rounding}`,
  isa: "simd128",
  module: "chunked",
  parameters: [
    ...["a", "w", "y", "m", "n", "k", "chunk", "tileRows", "tilePanels", "columnTiles"],
    ...["leastExponent", "scaleBase", "mantissaStep", "max", "overflow"],
    ...["key0", "key1", "layer", "step", "stream", "outputBlocks"],
  ],
  floats: ["max", "overflow"],
}));

/** Fields that describe the accumulator. */
export function accumulatorFields(format: Minifloat): Record<string, number> {
  const { mantissaBits, bias, max } = format;
  return {
    // Nothing that occurs is as small as the second bound; it keeps the scales inside float32.
    leastExponent: Math.max(128 - bias, mantissaBits + 25) << 23,
    scaleBase: ((254 + mantissaBits) << 23) | 0,
    mantissaStep: mantissaBits << 23,
    max,
    overflow: format.decode(format.encode(Infinity)),
  };
}

/**
 * Whether the kernels give the exact results for these operands. All numbers that occur are
 * multiples of the smallest product 2^q, so:
 *
 * - a product of d_a + d_b ≤ 24 binary digits between 2^q and 2^127 is exact in float32;
 * - q ≥ −84: at the smallest sum other than 0 the scale 2^(24 + M − e) is still a float32 number;
 * - stochastic: the error of a sum, a multiple of 2^q, is still a float32 number in units of 2^−24 of
 *   a step, also at the largest sum 2^e: q + 24 + M − e ≥ −149.
 */
export function hasChunkedKernel(
  a: Minifloat,
  b: Minifloat,
  accumulator: Minifloat,
  rounding: "nearest" | "stochastic",
): boolean {
  const { mantissaBits, bias, signed, reserved, max } = accumulator;
  const smallest = exponentOf(a.smallest) + exponentOf(b.smallest);
  const largestProduct = exponentOf(a.max) + exponentOf(b.max) + 2;
  const largestSum = Math.min(Math.max(exponentOf(max), largestProduct) + 1, 127);
  return (
    a.mantissaBits + b.mantissaBits + 2 <= 24 &&
    largestProduct <= 127 &&
    smallest >= -84 &&
    (rounding === "nearest" || smallest + 24 + mantissaBits - largestSum >= -149) &&
    signed &&
    reserved !== "fnuz" &&
    mantissaBits >= 1 &&
    mantissaBits <= 12 &&
    bias <= 127
  );
}
