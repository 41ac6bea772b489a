/** Layers in float32 by relaxed multiply-adds, for callers that let machines round otherwise. */
export { conv_f32_f32_6x8c1_relaxed, gemm_f32_f32_6x8c1_relaxed } from "../gemm-float-rows";
