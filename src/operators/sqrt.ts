/** Sqrt. The root of a negative number is NaN; on 8 bits NaN gives the lowest code. */
import { f32 } from "../quantization/index.ts";
import { type NoAttributes, realCodes, unaryOperator } from "./unary.ts";

export type SqrtAttributes = NoAttributes;

const real = (r: number): number => f32(Math.sqrt(r));

export const sqrt = unaryOperator<SqrtAttributes>({
  name: "Sqrt",
  codes: (x, y) => realCodes(x, y, real),
  float: real,
});
