/** The kernel table: one row per WebAssembly export. Tests and benches loop over it. */
import { depthwiseKernels } from "./depthwise.ts";
import type { Kernel } from "./kernel.ts";
import { moveKernels } from "./move.ts";

export const kernelTable: ReadonlyMap<string, Kernel> = new Map(
  [...depthwiseKernels, ...moveKernels].map((kernel) => [kernel.name, kernel]),
);
