/** The export list: every export is a row of `src/kernels/table.ts`. */
export { arg_max_f32, arg_max_i8, arg_max_u8 } from "./argmax";
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
} from "./cast";
export { gather_runs } from "./gather";
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
} from "./move";
export { pad_runs } from "./pad";
export { resize_bilinear_f32, resize_bilinear_i8, resize_bilinear_u8 } from "./resize";
export {
  depthwise_f32_f32_4x4,
  depthwise_i8_i16_4x8c2,
  depthwise_i8_i16_4x8c2_fixed,
  depthwise_i8_i16_4x8c2_s1,
} from "./depthwise";
