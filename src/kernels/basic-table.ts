/** The rows of the kernel table that every plan may need: all but those of minifloats. */
import { argMaxKernels } from "./argmax.ts";
import { castKernels } from "./cast.ts";
import { convertKernels } from "./convert.ts";
import { depthwiseKernels } from "./depthwise.ts";
import { dynamicRangeKernels } from "./dynamic-range.ts";
import { elementwiseKernels } from "./elementwise.ts";
import { gemmKernels } from "./gemm.ts";
import type { Kernel } from "./kernel.ts";
import { moveKernels } from "./move.ts";
import { poolKernels } from "./pool.ts";
import { resizeKernels } from "./resize.ts";
import { winogradKernels } from "./winograd.ts";

export const basicKernels: ReadonlyMap<string, Kernel> = new Map(
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
    ...winogradKernels,
  ].map((kernel) => [kernel.name, kernel]),
);
