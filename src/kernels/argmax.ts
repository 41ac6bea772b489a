/** Position of the largest value: `assembly/argmax.ts`. */
import type { Kernel } from "./kernel.ts";

export const argMaxKernels: readonly Kernel[] = ["i8", "u8", "f32"].map((type) => ({
  name: `arg_max_${type}`,
  isa: "simd128",
  module: "seldom",
  parameters: ["x", "y", "rows", "length", "inner", "resultBytes", "tileRows"],
}));
