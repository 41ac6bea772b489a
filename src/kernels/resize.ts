/** Bilinear resizing: `assembly/resize.ts`. */
import type { Kernel } from "./kernel.ts";

export const resizeKernels: readonly Kernel[] = ["i8", "u8", "f32"].map((type) => ({
  name: `resize_bilinear_${type}`,
  isa: "simd128",
  module: "seldom",
  parameters: [
    ...["x", "y", "rows", "columns"],
    ...["images", "imageBytes", "height", "width", "channels"],
    ...["weightBits", "tiesAway", "tileRows"],
  ],
}));
