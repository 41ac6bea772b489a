/** Scale, zero point, granularity, and the two rounding rules. The scalar functions are normative. */
export * from "./block.ts";
export { blockQuality } from "./block-quality.ts";
export * from "./philox.ts";
export * from "./quantization.ts";
export * from "./requantize.ts";
export * from "./rounding.ts";
