/** What most networks need: moves, look-ups, pooling, element by element in int8, conversions. */
export { clamp_f32, dequantize_i8_f32, quantize_f32_i8 } from "../convert";
export { add_i8, mul_i8 } from "../elementwise";
export { lookup_8 } from "../lookup";
export { lookup_8_lines } from "../lookup-lines";
export { mean_i8, mean_u8 } from "../mean";
export {
  copy_bytes,
  copy_elements_16,
  copy_elements_32,
  copy_elements_64,
  copy_elements_8,
  copy_runs,
  map_bytes,
  transpose_32,
  transpose_8,
} from "../move";
export { pad_runs } from "../pad";
export { average_pool_i8, average_pool_u8, max_pool_i8, max_pool_u8 } from "../pool";
export { softmax_i8 } from "../softmax";
