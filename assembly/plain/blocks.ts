/** Weights with a scale for each block of their depth. */
// A kernel reads packed weights as its block says: one function under the names of all its formats.
export {
  conv_i8_g4_4x8c2,
  conv_i8_g4_4x8c2 as conv_i8_g2_4x8c2,
  conv_i8_g4_4x8c2 as conv_i8_g1_4x8c2,
  conv_u4_g4_4x8c2,
  conv_u4_g4_4x8c2 as conv_u4_g2_4x8c2,
  conv_u4_g4_4x8c2 as conv_u4_g1_4x8c2,
  conv_u8_g4_4x8c2,
  conv_u8_g4_4x8c2 as conv_u8_g2_4x8c2,
  conv_u8_g4_4x8c2 as conv_u8_g1_4x8c2,
  gemm_i8_g4_4x8c2,
  gemm_i8_g4_4x8c2 as gemm_i8_g2_4x8c2,
  gemm_i8_g4_4x8c2 as gemm_i8_g1_4x8c2,
  gemm_u8_g4_4x8c2,
  gemm_u8_g4_4x8c2 as gemm_u8_g2_4x8c2,
  gemm_u8_g4_4x8c2 as gemm_u8_g1_4x8c2,
} from "../gemm-block";
