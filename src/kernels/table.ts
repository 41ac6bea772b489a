/** The kernel table: one row per WebAssembly export. Tests and benches loop over it. */
import { basicKernels } from "./basic-table.ts";
import { chunkedKernels } from "./chunked.ts";
import type { Kernel } from "./kernel.ts";
import { minifloatKernels } from "./minifloat.ts";
import { minifloatLayerKernels } from "./minifloat-layers.ts";

export const kernelTable: ReadonlyMap<string, Kernel> = new Map([
  ...basicKernels,
  ...[...minifloatKernels, ...minifloatLayerKernels, ...chunkedKernels].map(
    (kernel) => [kernel.name, kernel] as const,
  ),
]);
