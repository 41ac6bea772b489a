/** bitlane: quantized convolutional networks in JavaScript. The public face. */
export * from "./errors.ts";
export type { Limits } from "./importers/index.ts";
export * from "./model/index.ts";
export type { Rounding } from "./quantization/index.ts";
export type { TensorData } from "./tensor/index.ts";
