/** The kernel table, packings and selection: data that can be listed and questioned without running. */
export * from "./blocks.ts";
export * from "./chunked.ts";
export * from "./depthwise.ts";
export { dynamicRules } from "./dynamic-range.ts";
export * from "./gemm.ts";
export * from "./kernel.ts";
export { LINES_BYTES, linesOf } from "./lookup-lines.ts";
export * from "./low-bit.ts";
export * from "./minifloat.ts";
export * from "./minifloat-layers.ts";
export * from "./minifloat-panels.ts";
export * from "./minifloat-units.ts";
export * from "./packing.ts";
export * from "./select.ts";
export * from "./split.ts";
export * from "./winograd.ts";
export { basicKernels } from "./basic-table.ts";
export { kernelTable } from "./table.ts";
