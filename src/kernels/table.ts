/** The kernel table: one row per WebAssembly export. Tests and benches loop over it. */
import { argMaxKernels } from "./argmax.ts";
import { castKernels } from "./cast.ts";
import { depthwiseKernels } from "./depthwise.ts";
import { gemmKernels } from "./gemm.ts";
import type { Kernel } from "./kernel.ts";
import { moveKernels } from "./move.ts";
import { resizeKernels } from "./resize.ts";
import { winogradKernels } from "./winograd.ts";

export const kernelTable: ReadonlyMap<string, Kernel> = new Map(
  [...depthwiseKernels, ...gemmKernels, ...moveKernels, ...argMaxKernels, ...castKernels, ...resizeKernels, ...winogradKernels].map(
    (kernel) => [kernel.name, kernel],
  ),
);
