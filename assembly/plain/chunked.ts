/** Matrix products with an emulated accumulator. */
export { chunked_f32_nearest, chunked_f32_stochastic } from "../chunked";
