/** Kernels that move elements: `assembly/move.ts`, `pad.ts`, `gather.ts`. */
import type { Kernel } from "./kernel.ts";

/** A box of six axes, outermost first: extents, strides in x, strides in y. */
const BOX = ["n", "xs", "ys"].flatMap((name) => [0, 1, 2, 3, 4, 5].map((axis) => name + axis));

const STRIDED = [
  "copy_runs",
  "copy_elements_8",
  "copy_elements_16",
  "copy_elements_32",
  "copy_elements_64",
  "map_bytes",
  "transpose_8",
  "transpose_32",
];

export const moveKernels: readonly Kernel[] = [
  {
    name: "copy_bytes",
    isa: "simd128",
    module: "core",
    parameters: ["x", "y", "sizeBytes", "tileBytes"],
  },
  ...STRIDED.map((name): Kernel => ({
    name,
    isa: "simd128",
    module: "core",
    parameters: ["x", "y", "table", ...BOX, "tileRows"],
  })),
  {
    name: "pad_runs",
    isa: "simd128",
    module: "core",
    parameters: [
      ...["x", "y", "value", "width"],
      ...["m0", "m1", "m2"],
      ...["before0", "before1", "before2"],
      ...["n0", "n1", "n2"],
      ...["beforeBytes", "runBytes", "afterBytes", "tileRows"],
    ],
  },
  {
    name: "gather_runs",
    isa: "simd128",
    module: "seldom",
    parameters: [
      ...["x", "y", "rows", "columns"],
      ...["rowCount", "columnCount", "runBytes", "tileRuns"],
    ],
  },
];
