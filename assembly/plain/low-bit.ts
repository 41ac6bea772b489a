/** Activations narrowed to 4 bits, look-up tables; weights below 8 bits alone are `int8`'s. */
// A kernel reads packed weights as its block says: one function under the names of all its formats.
export {
  conv_u4_i8_4x8c2,
  conv_u4_i8_4x8c2 as conv_u4_i4_4x8c2,
  conv_u4_i8_4x8c2 as conv_u4_i2_4x8c2,
  conv_u4_i8_4x8c2 as conv_u4_b1_4x8c2,
} from "../conv";
export { conv_u4_b1_4x16c4, conv_u4_i2_2x16c4 } from "../gemm-table";
