/** The export list of the relaxed modules: they stand beside the plain ones on the same memory. */
// A kernel reads packed weights as its block says: one function under the names of all its formats.
export {
  conv_f8_i8_5x8c4_relaxed,
  conv_f8_i8_5x8c4_relaxed as conv_f8_i4_5x8c4_relaxed,
  conv_f8_i8_5x8c4_relaxed as conv_f8_i2_5x8c4_relaxed,
  conv_f8_i8_5x8c4_relaxed as conv_f8_b1_5x8c4_relaxed,
  conv_u4_i8_5x8c4_relaxed,
  conv_u4_i8_5x8c4_relaxed as conv_u4_i4_5x8c4_relaxed,
  conv_u4_i8_5x8c4_relaxed as conv_u4_i2_5x8c4_relaxed,
  conv_u4_i8_5x8c4_relaxed as conv_u4_b1_5x8c4_relaxed,
  conv_x8_i8_5x8c4_relaxed,
  conv_x8_i8_5x8c4_relaxed as conv_x8_i4_5x8c4_relaxed,
  conv_x8_i8_5x8c4_relaxed as conv_x8_i2_5x8c4_relaxed,
  conv_x8_i8_5x8c4_relaxed as conv_x8_b1_5x8c4_relaxed,
} from "./conv-dot";
export { depthwise_x8_i8_2x4x8c4_relaxed, depthwise_x8_i8_4x8c4_relaxed } from "./depthwise-dot";
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
} from "./gemm-deep";
export {
  gemm_f8_i8_5x8c4_relaxed,
  gemm_f8_i8_5x8c4_relaxed as gemm_f8_i4_5x8c4_relaxed,
  gemm_f8_i8_5x8c4_relaxed as gemm_f8_i2_5x8c4_relaxed,
  gemm_f8_i8_5x8c4_relaxed as gemm_f8_b1_5x8c4_relaxed,
  gemm_x8_i8_5x8c4_relaxed,
  gemm_x8_i8_5x8c4_relaxed as gemm_x8_i4_5x8c4_relaxed,
  gemm_x8_i8_5x8c4_relaxed as gemm_x8_i2_5x8c4_relaxed,
  gemm_x8_i8_5x8c4_relaxed as gemm_x8_b1_5x8c4_relaxed,
} from "./gemm-dot";
export { conv_u4_b1_4x16c4_relaxed, conv_u4_i2_2x16c4_relaxed } from "./gemm-table-relaxed";
export {
  conv_x8_m4_5x8c4_relaxed,
  conv_x8_m6_5x8c4_relaxed,
  gemm_x8_m4_5x8c4_relaxed,
  gemm_x8_m6_5x8c4_relaxed,
} from "./conv-minifloat-dot";
