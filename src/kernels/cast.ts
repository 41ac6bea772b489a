/** Numbers of one format as numbers of another: `assembly/cast.ts`. */
import type { Kernel } from "./kernel.ts";

const PAIRS = [
  ...["i8_f32", "u8_f32", "i32_f32", "i64_f32"],
  ...["f32_i8", "f32_u8", "f32_i32"],
  ...["i32_i64", "i64_i32"],
];

export const castKernels: readonly Kernel[] = PAIRS.map((pair) => ({
  name: `cast_${pair}`,
  isa: "simd128",
  module: "seldom",
  parameters: ["x", "y", "count", "tileCount"],
}));
