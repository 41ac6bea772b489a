/** Convolutions and matrix products of int8, without relaxed SIMD. */
// A kernel reads packed weights as its block says: one function under the names of all its formats.
export {
  conv_i8_i16_4x8c2,
  conv_i8_i8_4x8c2,
  conv_i8_i8_4x8c2 as conv_i8_i4_4x8c2,
  conv_i8_i8_4x8c2 as conv_i8_i2_4x8c2,
  conv_i8_i8_4x8c2 as conv_i8_b1_4x8c2,
  conv_u8_i16_4x8c2,
  conv_u8_i8_4x8c2,
  conv_u8_i8_4x8c2 as conv_u8_i4_4x8c2,
  conv_u8_i8_4x8c2 as conv_u8_i2_4x8c2,
  conv_u8_i8_4x8c2 as conv_u8_b1_4x8c2,
} from "../conv";
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
} from "../conv-indirect";
export { depthwise_i8_i16_4x8c2, depthwise_i8_i16_4x8c2_s1 } from "../depthwise";
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
} from "../gemm";
export {
  winograd_i8_i8_4x8c2,
  winograd_i8_i8_4x8c2 as winograd_i8_i4_4x8c2,
  winograd_i8_i8_4x8c2 as winograd_i8_i2_4x8c2,
  winograd_i8_i8_4x8c2 as winograd_i8_b1_4x8c2,
  winograd_u8_i8_4x8c2,
  winograd_u8_i8_4x8c2 as winograd_u8_i4_4x8c2,
  winograd_u8_i8_4x8c2 as winograd_u8_i2_4x8c2,
  winograd_u8_i8_4x8c2 as winograd_u8_b1_4x8c2,
} from "../winograd";
