/** What most networks need: moves, look-ups, pooling, element by element in int8, conversions. */
export { arg_max_i8, arg_max_u8 } from "../argmax";
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
export { clamp_f32, dequantize_i8_f32, quantize_f32_i8, quantize_f32_i8_fixed } from "../convert";
export { add_i8, maximum_i8, minimum_i8, mul_i8 } from "../elementwise";
export { add_i8_fixed, mul_i8_fixed } from "../elementwise-fixed";
export { gather_runs } from "../gather";
export { lookup_8 } from "../lookup";
export { lookup_8_lines } from "../lookup-lines";
export { mean_i8, mean_i8_fixed, mean_u8, mean_u8_fixed } from "../mean";
export {
  copy_bytes,
  copy_elements_16,
  copy_elements_32,
  copy_elements_64,
  copy_elements_8,
  copy_runs,
  map_bytes,
  transpose_32,
  transpose_8,
} from "../move";
export { pad_runs } from "../pad";
export { average_pool_i8, average_pool_u8, max_pool_i8, max_pool_u8 } from "../pool";
export { resize_bilinear_i8, resize_bilinear_u8 } from "../resize";
export { softmax_i8 } from "../softmax";
