/** Layers in float32. */
export { arg_max_f32 } from "../argmax";
export { depthwise_f32_f32_4x8 } from "../depthwise-float";
export { quantize_parts_f32, scale_parts_f32 } from "../dynamic-range";
export { conv_f32_f32_5x8c1, gemm_f32_f32_5x8c1 } from "../gemm-float";
export {
  add_f32,
  div_f32,
  maximum_f32,
  minimum_f32,
  mul_f32,
  prelu_f32,
  sub_f32,
} from "../elementwise-float";
export { mean_f32 } from "../mean";
export { average_pool_f32, max_pool_f32 } from "../pool";
export { resize_bilinear_f32 } from "../resize";
export { hard_swish_f32, leaky_relu_f32, sqrt_f32 } from "../unary-float";
