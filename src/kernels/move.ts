/** Kernels that move bytes: `assembly/move.ts`. */
import type { Kernel } from "./kernel.ts";

export const moveKernels: readonly Kernel[] = [
  { name: "copy_bytes", isa: "simd128", parameters: ["x", "y", "sizeBytes", "tileBytes"] },
];
