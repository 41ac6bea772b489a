/** The export list: every export is a row of `src/kernels/table.ts`. */
export { copy_bytes } from "./move";
export {
  depthwise_f32_f32_4x4,
  depthwise_i8_i16_4x8c2,
  depthwise_i8_i16_4x8c2_fixed,
  depthwise_i8_i16_4x8c2_s1,
} from "./depthwise";
