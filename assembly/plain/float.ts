/** Layers in float32. */
export { depthwise_f32_f32_4x8 } from "../depthwise-float";
export { gemm_f32_f32_4x8c1, igemm_f32_f32_4x8c1 } from "../gemm-float";
export { conv_f32_f32_5x8c1, gemm_f32_f32_5x8c1 } from "../gemm-float-rows";
export { add_f32, mul_f32, sub_f32 } from "../elementwise-float";
export { mean_f32 } from "../mean";
export { average_pool_f32, max_pool_f32 } from "../pool";
