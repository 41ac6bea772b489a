/** The composition root and the public face of a loaded model. */
export * from "./capabilities.ts";
export { dequantize, type Feeds, type TensorInfo, type TypedArray } from "./feeds.ts";
export * from "./load.ts";
export type { Results } from "./lane.ts";
export type { LoadOptions, LoadProgress } from "./options.ts";
export { Model, type RunOptions, type RunTimes } from "./model.ts";
export type { MemoryUse, StepInfo } from "./report.ts";
export type {
  AccumulateOptions,
  BlockFormatName,
  MinifloatName,
  RequantizeOptions,
} from "./requantization.ts";
export type { ModelSource } from "./source.ts";
