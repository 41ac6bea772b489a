/** Quantization of graphs: fewer bits for the weights and activations of a network. */
export { weightedLayers } from "./layers.ts";
export { narrowType } from "./narrow.ts";
export * from "./omse.ts";
export * from "./requantize-graph.ts";
