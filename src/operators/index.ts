export * from "./operator.ts";
export * from "./activation-range.ts";
export * from "./conv-2d.ts";
export * from "./conv-quantization.ts";
export * from "./depthwise-conv-2d.ts";
export * from "./fully-connected.ts";
export * from "./window.ts";
