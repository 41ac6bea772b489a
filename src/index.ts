/** bitlane: quantized convolutional networks in JavaScript. The public face. */
export {
  BitlaneError,
  type BitlaneErrorOptions,
  CancelledError,
  ClosedError,
  type ErrorLocation,
  FormatError,
  InputError,
  InternalError,
  ModelError,
  PlatformError,
  PoolError,
  QuantizationError,
  ResourceError,
  ShapeError,
  UnsupportedError,
} from "./errors.ts";
export type { Limits } from "./importers/index.ts";
export {
  type AccumulateOptions,
  type Capabilities,
  capabilities,
  dequantize,
  type Feeds,
  load,
  type LoadOptions,
  type LoadProgress,
  type MemoryUse,
  type MinifloatName,
  Model,
  type ModelSource,
  type PlannedModel,
  planModel,
  type RequantizeOptions,
  type Results,
  type RunOptions,
  type RunTimes,
  type StepInfo,
  type TensorInfo,
  type TypedArray,
} from "./model/index.ts";
export type { Rounding } from "./quantization/index.ts";
export type { TensorData } from "./tensor/index.ts";
