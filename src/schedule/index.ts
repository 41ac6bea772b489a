/** Binding a plan to memory and running it over threads. Knows kernels and plans, never graphs. */
export * from "./bind.ts";
export type { WorkerFactory } from "./host.ts";
export type { Pool } from "./pool.ts";
export * from "./run.ts";
