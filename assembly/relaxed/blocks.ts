/** Weights with a scale for each block of their depth, by relaxed SIMD. */
// A kernel reads packed weights as its block says: one function under the names of all its formats.
export {
  conv_f8_g4_5x8c4_relaxed,
  conv_f8_g4_5x8c4_relaxed as conv_f8_g2_5x8c4_relaxed,
  conv_f8_g4_5x8c4_relaxed as conv_f8_g1_5x8c4_relaxed,
  conv_u4_g4_5x8c4_relaxed,
  conv_u4_g4_5x8c4_relaxed as conv_u4_g2_5x8c4_relaxed,
  conv_u4_g4_5x8c4_relaxed as conv_u4_g1_5x8c4_relaxed,
  conv_x8_g4_5x8c4_relaxed,
  conv_x8_g4_5x8c4_relaxed as conv_x8_g2_5x8c4_relaxed,
  conv_x8_g4_5x8c4_relaxed as conv_x8_g1_5x8c4_relaxed,
  gemm_f8_g4_5x8c4_relaxed,
  gemm_f8_g4_5x8c4_relaxed as gemm_f8_g2_5x8c4_relaxed,
  gemm_f8_g4_5x8c4_relaxed as gemm_f8_g1_5x8c4_relaxed,
  gemm_x8_g4_5x8c4_relaxed,
  gemm_x8_g4_5x8c4_relaxed as gemm_x8_g2_5x8c4_relaxed,
  gemm_x8_g4_5x8c4_relaxed as gemm_x8_g1_5x8c4_relaxed,
} from "../gemm-block-dot";
