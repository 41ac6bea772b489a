/** The kernel table: one row per WebAssembly export. Tests and benches loop over it. */
import { argMaxKernels } from "./argmax.ts";
import { castKernels } from "./cast.ts";
import { chunkedKernels } from "./chunked.ts";
import { convertKernels } from "./convert.ts";
import { depthwiseKernels } from "./depthwise.ts";
import { dynamicRangeKernels } from "./dynamic-range.ts";
import { elementwiseKernels } from "./elementwise.ts";
import { gemmKernels } from "./gemm.ts";
import { type Kernel, type ModuleName, moduleOf } from "./kernel.ts";
import { minifloatKernels } from "./minifloat.ts";
import { minifloatLayerKernels } from "./minifloat-layers.ts";
import { moveKernels } from "./move.ts";
import { poolKernels } from "./pool.ts";
import { resizeKernels } from "./resize.ts";
import { winogradKernels } from "./winograd.ts";

export const kernelTable: ReadonlyMap<string, Kernel> = new Map(
  [
    ...depthwiseKernels,
    ...dynamicRangeKernels,
    ...elementwiseKernels,
    ...poolKernels,
    ...convertKernels,
    ...gemmKernels,
    ...moveKernels,
    ...argMaxKernels,
    ...castKernels,
    ...resizeKernels,
    ...minifloatKernels,
    ...minifloatLayerKernels,
    ...chunkedKernels,
    ...winogradKernels,
  ].map((kernel) => [kernel.name, kernel]),
);

/** The modules that hold some kernels, in an order that does not depend on theirs. */
export function modulesOf(kernels: Iterable<string>): ModuleName[] {
  return [...new Set([...kernels].map((name) => moduleOf(kernelTable.get(name)!)))].sort();
}
