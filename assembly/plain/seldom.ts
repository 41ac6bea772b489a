/** Operators that few networks have, and rule `tflite-reference` of some others. */
export { arg_max_f32, arg_max_i8, arg_max_u8 } from "../argmax";
export {
  cast_f32_i32,
  cast_f32_i8,
  cast_f32_u8,
  cast_i32_f32,
  cast_i32_i64,
  cast_i64_f32,
  cast_i64_i32,
  cast_i8_f32,
  cast_u8_f32,
} from "../cast";
export { quantize_f32_i8_fixed } from "../convert";
export { depthwise_i8_i16_4x8c2_fixed } from "../depthwise";
export { quantize_parts_f32, scale_parts_f32 } from "../dynamic-range";
export { maximum_i8, minimum_i8 } from "../elementwise";
export { add_i8_fixed, mul_i8_fixed } from "../elementwise-fixed";
export { div_f32, maximum_f32, minimum_f32, prelu_f32 } from "../elementwise-float";
export { gather_runs } from "../gather";
export { mean_i8_fixed, mean_u8_fixed } from "../mean";
export { resize_bilinear_f32, resize_bilinear_i8, resize_bilinear_u8 } from "../resize";
export { hard_swish_f32, leaky_relu_f32, sqrt_f32 } from "../unary-float";
