/** The export list of the plain modules: every export is a row of `src/kernels/table.ts`. */
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
export { chunked_f32_nearest, chunked_f32_stochastic } from "./chunked";
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
export { depthwise_f32_f32_4x4 } from "./depthwise-float";
export {
  depthwise_i8_i16_4x8c2,
  depthwise_i8_i16_4x8c2_fixed,
  depthwise_i8_i16_4x8c2_s1,
} from "./depthwise";
// A kernel reads packed weights as its block says: one function under the names of all its formats.
export {
  conv_i8_i16_4x8c2,
  conv_i8_i8_4x8c2,
  conv_i8_i8_4x8c2 as conv_i8_i4_4x8c2,
  conv_i8_i8_4x8c2 as conv_i8_i2_4x8c2,
  conv_i8_i8_4x8c2 as conv_i8_b1_4x8c2,
  conv_u4_i8_4x8c2,
  conv_u4_i8_4x8c2 as conv_u4_i4_4x8c2,
  conv_u4_i8_4x8c2 as conv_u4_i2_4x8c2,
  conv_u4_i8_4x8c2 as conv_u4_b1_4x8c2,
  conv_u8_i16_4x8c2,
  conv_u8_i8_4x8c2,
  conv_u8_i8_4x8c2 as conv_u8_i4_4x8c2,
  conv_u8_i8_4x8c2 as conv_u8_i2_4x8c2,
  conv_u8_i8_4x8c2 as conv_u8_b1_4x8c2,
} from "./conv";
export {
  igemm_i8_i16_4x8c2,
  igemm_i8_i8_4x8c2,
  igemm_i8_i8_4x8c2 as igemm_i8_i4_4x8c2,
  igemm_i8_i8_4x8c2 as igemm_i8_i2_4x8c2,
  igemm_i8_i8_4x8c2 as igemm_i8_b1_4x8c2,
  igemm_u8_i16_4x8c2,
  igemm_u8_i8_4x8c2,
  igemm_u8_i8_4x8c2 as igemm_u8_i4_4x8c2,
  igemm_u8_i8_4x8c2 as igemm_u8_i2_4x8c2,
  igemm_u8_i8_4x8c2 as igemm_u8_b1_4x8c2,
} from "./conv-indirect";
export {
  gemm_i8_i16_4x8c2,
  gemm_i8_i8_4x8c2,
  gemm_i8_i8_4x8c2 as gemm_i8_i4_4x8c2,
  gemm_i8_i8_4x8c2 as gemm_i8_i2_4x8c2,
  gemm_i8_i8_4x8c2 as gemm_i8_b1_4x8c2,
  gemm_u8_i16_4x8c2,
  gemm_u8_i8_4x8c2,
  gemm_u8_i8_4x8c2 as gemm_u8_i4_4x8c2,
  gemm_u8_i8_4x8c2 as gemm_u8_i2_4x8c2,
  gemm_u8_i8_4x8c2 as gemm_u8_b1_4x8c2,
} from "./gemm";
export { conv_u4_b1_4x16c4, conv_u4_i2_2x16c4 } from "./gemm-table";
export { conv_f32_f32_4x8c1, gemm_f32_f32_4x8c1, igemm_f32_f32_4x8c1 } from "./gemm-float";
export { add_i8, maximum_i8, minimum_i8, mul_i8 } from "./elementwise";
export { add_i8_fixed, mul_i8_fixed } from "./elementwise-fixed";
export { add_f32, div_f32, maximum_f32, minimum_f32, mul_f32, sub_f32 } from "./elementwise-float";
export { lookup_8 } from "./lookup";
export {
  winograd_i8_i8_4x8c2,
  winograd_i8_i8_4x8c2 as winograd_i8_i4_4x8c2,
  winograd_i8_i8_4x8c2 as winograd_i8_i2_4x8c2,
  winograd_i8_i8_4x8c2 as winograd_i8_b1_4x8c2,
  winograd_u8_i8_4x8c2,
  winograd_u8_i8_4x8c2 as winograd_u8_i4_4x8c2,
  winograd_u8_i8_4x8c2 as winograd_u8_i2_4x8c2,
  winograd_u8_i8_4x8c2 as winograd_u8_b1_4x8c2,
} from "./winograd";
export { clamp_f32, dequantize_i8_f32, quantize_f32_i8, quantize_f32_i8_fixed } from "./convert";
export { decode_m16_f32, decode_m4_f32, decode_m6_f32, decode_m8_f32 } from "./minifloat";
export { encode_f32_m16, encode_f32_m4, encode_f32_m6, encode_f32_m8 } from "./minifloat-encode";
export { mean_f32, mean_i8, mean_i8_fixed, mean_u8, mean_u8_fixed } from "./mean";
export {
  average_pool_f32,
  average_pool_i8,
  average_pool_u8,
  max_pool_f32,
  max_pool_i8,
  max_pool_u8,
} from "./pool";
export { softmax_i8 } from "./softmax";
export {
  conv_f32_m4_4x8c1,
  conv_f32_m6_4x8c1,
  conv_f32_m8_4x8c1,
  conv_f32_w32_4x8c1,
  gemm_f32_m4_4x8c1,
  gemm_f32_m6_4x8c1,
  gemm_f32_m8_4x8c1,
  gemm_f32_w32_4x8c1,
  igemm_f32_m4_4x8c1,
  igemm_f32_m6_4x8c1,
  igemm_f32_m8_4x8c1,
  igemm_f32_w32_4x8c1,
} from "./gemm-minifloat";
export {
  conv_i16_m4_4x8c2,
  conv_i16_m6_4x8c2,
  conv_i8_m4_4x8c2,
  conv_i8_m6_4x8c2,
  gemm_i16_m4_4x8c2,
  gemm_i16_m6_4x8c2,
  gemm_i8_m4_4x8c2,
  gemm_i8_m6_4x8c2,
  igemm_i16_m4_4x8c2,
  igemm_i16_m6_4x8c2,
  igemm_i8_m4_4x8c2,
  igemm_i8_m6_4x8c2,
} from "./conv-minifloat";
export { round_f32_f32, round_f32_i16, round_f32_i8 } from "./minifloat-round";
export { scale_rows_f32, windows_f32 } from "./minifloat-rows";
