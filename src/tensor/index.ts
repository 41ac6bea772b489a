/** Shapes, tensor types, tensors. */
export * from "./shape.ts";
export * from "./tensor.ts";
