/** Quantization of graphs: fewer bits for the weights and activations of a network. */
export { InputRows } from "./input-rows.ts";
export { layersToEncode, layersToRequantize, weightedLayers } from "./layers.ts";
export { narrowType } from "./narrow.ts";
export * from "./omse.ts";
export * from "./requantize-graph.ts";
export {
  ACTIVATION_SCHEMES,
  type RequantizeOptions,
  WEIGHT_SCHEMES,
} from "./requantize-options.ts";
export { type FloatGraph, floatGraph } from "./float-graph.ts";
export { type AccumulateOptions, checkAccumulate } from "./accumulate.ts";
export * from "./minifloat-graph.ts";
export * from "./minifloat-names.ts";
export * from "./observation.ts";
export { rounderOf, type ScaleSearch } from "./minifloat-scales.ts";
