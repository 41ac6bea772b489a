/** Relu: max(x, 0). */
import { reluOperator } from "./relu-family.ts";
import type { NoAttributes } from "./unary.ts";

export type ReluAttributes = NoAttributes;

export const relu = reluOperator("Relu", "relu");
