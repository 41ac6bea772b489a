/** Shapes, tensor types, tensors. */
export * from "./pack-bits.ts";
export * from "./shape.ts";
export * from "./tensor.ts";
