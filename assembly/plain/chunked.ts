/** Sums in an emulated accumulator. */
// How sums are rounded stands in the block: one function under the names of all ways.
export {
  chunked_f32 as chunked_f32_nearest,
  chunked_f32 as chunked_f32_nearest_wide,
  chunked_f32 as chunked_f32_stochastic,
} from "../chunked";
export {
  chunked_depthwise_f32 as chunked_depthwise_f32_nearest,
  chunked_depthwise_f32 as chunked_depthwise_f32_nearest_wide,
  chunked_depthwise_f32 as chunked_depthwise_f32_stochastic,
} from "../chunked-depthwise";
