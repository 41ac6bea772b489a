/** Mean over axes. Float32: the sum in row-major order from 0, then f32(sum / n). */
import { type ReduceAttributes, reduceOperator } from "./reduce.ts";

export type MeanAttributes = ReduceAttributes;

export const mean = reduceOperator("Mean", true);
