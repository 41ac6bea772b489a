/** Layers with minifloat weights by the relaxed dot. */
export {
  conv_x8_m4_5x8c4_relaxed,
  conv_x8_m6_5x8c4_relaxed,
  gemm_x8_m4_5x8c4_relaxed,
  gemm_x8_m6_5x8c4_relaxed,
} from "../conv-minifloat-dot";
