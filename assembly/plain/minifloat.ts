/** Formats of 4 to 16 bits with an exponent: arrays of codes, and layers that meet them. */
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
} from "../conv-minifloat";
// A kernel reads packed weights as its block says: one function under the names of all their forms.
export {
  conv_f32_m8_5x8c1,
  conv_f32_m8_5x8c1 as conv_f32_m6_5x8c1,
  conv_f32_m8_5x8c1 as conv_f32_m4_5x8c1,
  conv_f32_m8_5x8c1 as conv_f32_w32_5x8c1,
  gemm_f32_m8_5x8c1,
  gemm_f32_m8_5x8c1 as gemm_f32_m6_5x8c1,
  gemm_f32_m8_5x8c1 as gemm_f32_m4_5x8c1,
  gemm_f32_m8_5x8c1 as gemm_f32_w32_5x8c1,
} from "../gemm-minifloat";
export { decode_m16_f32, decode_m4_f32, decode_m6_f32, decode_m8_f32 } from "../minifloat";
export { encode_f32_m16, encode_f32_m4, encode_f32_m6, encode_f32_m8 } from "../minifloat-encode";
export { round_blocks_f32 } from "../minifloat-blocks";
export { round_f32_f32, round_f32_i16, round_f32_i8 } from "../minifloat-round";
export { add_f32_units_i8, round_units_f32_i8 } from "../minifloat-round-units";
export { softmax_f32 } from "../softmax-float";
export { scale_rows_f32, windows_f32 } from "../minifloat-rows";
