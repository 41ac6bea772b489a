/** The export list of the relaxed modules: they stand beside the plain ones on the same memory. */
export { conv_f8_i8_5x8c4_relaxed, conv_x8_i8_5x8c4_relaxed } from "./conv-dot";
export { depthwise_x8_i8_2x4x8c4_relaxed, depthwise_x8_i8_4x8c4_relaxed } from "./depthwise-dot";
export { gemm_f8_i8_5x8c4_relaxed, gemm_x8_i8_5x8c4_relaxed } from "./gemm-dot";
