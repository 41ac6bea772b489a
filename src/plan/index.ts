/** From graph to plan: which kernel, which packing, which tiles, which bytes of the arena. */
export * from "./build.ts";
export { checkKernel, loadLowerings, type Machine } from "./lower/index.ts";
export * from "./memory.ts";
export * from "./plan.ts";
