/** Convolutions and matrix products of int8 by the relaxed dot, and their activation functions. */
// A kernel reads packed weights as its block says: one function under the names of all its formats.
export {
  conv_f8_i8_6x8c4_relaxed,
  conv_f8_i8_6x8c4_relaxed as conv_f8_i4_6x8c4_relaxed,
  conv_f8_i8_6x8c4_relaxed as conv_f8_i2_6x8c4_relaxed,
  conv_f8_i8_6x8c4_relaxed as conv_f8_b1_6x8c4_relaxed,
  conv_x8_i8_6x8c4_relaxed,
  conv_x8_i8_6x8c4_relaxed as conv_x8_i4_6x8c4_relaxed,
  conv_x8_i8_6x8c4_relaxed as conv_x8_i2_6x8c4_relaxed,
  conv_x8_i8_6x8c4_relaxed as conv_x8_b1_6x8c4_relaxed,
} from "../conv-dot";
export { depthwise_x8_i8_2x4x8c4_relaxed, depthwise_x8_i8_4x8c4_relaxed } from "../depthwise-dot";
export {
  gemm_f8_i8_6x8c4_relaxed,
  gemm_f8_i8_6x8c4_relaxed as gemm_f8_i4_6x8c4_relaxed,
  gemm_f8_i8_6x8c4_relaxed as gemm_f8_i2_6x8c4_relaxed,
  gemm_f8_i8_6x8c4_relaxed as gemm_f8_b1_6x8c4_relaxed,
  gemm_x8_i8_6x8c4_relaxed,
  gemm_x8_i8_6x8c4_relaxed as gemm_x8_i4_6x8c4_relaxed,
  gemm_x8_i8_6x8c4_relaxed as gemm_x8_i2_6x8c4_relaxed,
  gemm_x8_i8_6x8c4_relaxed as gemm_x8_b1_6x8c4_relaxed,
} from "../gemm-dot";
export { lookup_8_lines_relaxed } from "../lookup-lines-relaxed";
