/** The kernel table, packings and selection: data that can be listed and questioned without running. */
export * from "./depthwise.ts";
export * from "./kernel.ts";
export { kernelTable } from "./table.ts";
