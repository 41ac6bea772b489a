/** The graph: values and nodes, its checks, its oracle and its passes. */
export * from "./graph.ts";
export * from "./infer.ts";
export * from "./interpret.ts";
export * from "./links.ts";
export * from "./passes/fold-pads.ts";
export * from "./passes/fuse-tables.ts";
export * from "./passes/passes.ts";
export * from "./print.ts";
