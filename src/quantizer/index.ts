/** Quantization of graphs: fewer bits for the weights and activations of a network. */
export * from "./omse.ts";
export * from "./requantize-graph.ts";
