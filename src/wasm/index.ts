/** Compiling, probing and instantiating the kernel modules; linear memories. */
export * from "./binary.ts";
export * from "./instance.ts";
export * from "./memory.ts";
export * from "./probe.ts";
export * from "./relaxed.ts";
export * from "./revectorize.ts";
export { withSharedMemory } from "./shared.ts";
