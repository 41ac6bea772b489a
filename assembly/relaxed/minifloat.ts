/** Layers with minifloat weights by the relaxed dot, and by relaxed multiply-adds of products that are exact. */
// A kernel reads packed weights as its block says: one function under the names of all their forms.
export {
  conv_x8_m6_6x8c4_relaxed,
  conv_x8_m6_6x8c4_relaxed as conv_x8_m4_6x8c4_relaxed,
  conv_x8_m6_6x8c4_relaxed as conv_x8_w8_6x8c4_relaxed,
  gemm_x8_m6_6x8c4_relaxed,
  gemm_x8_m6_6x8c4_relaxed as gemm_x8_m4_6x8c4_relaxed,
  gemm_x8_m6_6x8c4_relaxed as gemm_x8_w8_6x8c4_relaxed,
} from "../conv-minifloat-dot";
export {
  depthwise_x8_w8_2x4x8c4_relaxed,
  depthwise_x8_w8_4x8c4_relaxed,
} from "../depthwise-minifloat";
export {
  conv_f32_m8_6x8c1_relaxed,
  conv_f32_m8_6x8c1_relaxed as conv_f32_m6_6x8c1_relaxed,
  conv_f32_m8_6x8c1_relaxed as conv_f32_m4_6x8c1_relaxed,
  conv_f32_m8_6x8c1_relaxed as conv_f32_w32_6x8c1_relaxed,
  gemm_f32_m8_6x8c1_relaxed,
  gemm_f32_m8_6x8c1_relaxed as gemm_f32_m6_6x8c1_relaxed,
  gemm_f32_m8_6x8c1_relaxed as gemm_f32_m4_6x8c1_relaxed,
  gemm_f32_m8_6x8c1_relaxed as gemm_f32_w32_6x8c1_relaxed,
} from "../gemm-minifloat";
export { open_m6_i8_relaxed, open_m6_i8_relaxed as open_m4_i8_relaxed } from "../minifloat-quads";
export {
  winograd_x8_m6_4x8c2_relaxed,
  winograd_x8_m6_4x8c2_relaxed as winograd_x8_m4_4x8c2_relaxed,
} from "../winograd-minifloat";
