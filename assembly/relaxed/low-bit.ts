/** Sums in int16, activations narrowed to 4 bits, look-up tables, by relaxed SIMD. */
// A kernel reads packed weights as its block says: one function under the names of all its formats.
export {
  conv_u4_i8_6x8c4_relaxed,
  conv_u4_i8_6x8c4_relaxed as conv_u4_i4_6x8c4_relaxed,
  conv_u4_i8_6x8c4_relaxed as conv_u4_i2_6x8c4_relaxed,
  conv_u4_i8_6x8c4_relaxed as conv_u4_b1_6x8c4_relaxed,
} from "../conv-dot";
export {
  conv_i8_i4_4x8c4_relaxed,
  conv_i8_i4_4x8c4_relaxed as conv_i8_i2_4x8c4_relaxed,
  conv_i8_i4_4x8c4_relaxed as conv_i8_b1_4x8c4_relaxed,
  conv_u4_i4_4x8c4_relaxed,
  conv_u4_i4_4x8c4_relaxed as conv_u4_i2_4x8c4_relaxed,
  conv_u4_i4_4x8c4_relaxed as conv_u4_b1_4x8c4_relaxed,
  conv_u8_i4_4x8c4_relaxed,
  conv_u8_i4_4x8c4_relaxed as conv_u8_i2_4x8c4_relaxed,
  conv_u8_i4_4x8c4_relaxed as conv_u8_b1_4x8c4_relaxed,
  gemm_i8_i4_4x8c4_relaxed,
  gemm_i8_i4_4x8c4_relaxed as gemm_i8_i2_4x8c4_relaxed,
  gemm_i8_i4_4x8c4_relaxed as gemm_i8_b1_4x8c4_relaxed,
  gemm_u8_i4_4x8c4_relaxed,
  gemm_u8_i4_4x8c4_relaxed as gemm_u8_i2_4x8c4_relaxed,
  gemm_u8_i4_4x8c4_relaxed as gemm_u8_b1_4x8c4_relaxed,
} from "../gemm-deep";
export {
  conv_f8_s8_4x8c4_relaxed,
  conv_x8_s8_4x8c4_relaxed,
  gemm_f8_s8_4x8c4_relaxed,
  gemm_x8_s8_4x8c4_relaxed,
} from "../gemm-safe";
export { conv_u4_b1_4x16c4_relaxed, conv_u4_i2_2x16c4_relaxed } from "../gemm-table-relaxed";
