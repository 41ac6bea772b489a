/** Relu6: min(max(x, 0), 6). */
import { reluOperator } from "./relu-family.ts";
import type { NoAttributes } from "./unary.ts";

export type Relu6Attributes = NoAttributes;

export const relu6 = reluOperator("Relu6", "relu6");
