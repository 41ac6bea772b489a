/** Sum over axes. Float32: in row-major order from 0. */
import { type ReduceAttributes, reduceOperator } from "./reduce.ts";

export type SumAttributes = ReduceAttributes;

export const sum = reduceOperator("Sum", false);
