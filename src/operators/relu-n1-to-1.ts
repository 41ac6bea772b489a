/** ReluN1To1: min(max(x, −1), 1). */
import { reluOperator } from "./relu-family.ts";
import type { NoAttributes } from "./unary.ts";

export type ReluN1To1Attributes = NoAttributes;

export const reluN1To1 = reluOperator("ReluN1To1", "relu_n1_to_1");
