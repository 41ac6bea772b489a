/** Logistic: 1 / (1 + e^−x). The 8-bit output is fixed to scale 1/256 and the lowest zero point. */
import { f32 } from "../quantization/index.ts";
import { checkFixedOutput } from "./checks.ts";
import { exp } from "./elementary.ts";
import { type NoAttributes, realCodes, unaryOperator } from "./unary.ts";

export type LogisticAttributes = NoAttributes;

const real = (r: number): number => f32(1 / f32(1 + f32(exp(-r))));

export const logistic = unaryOperator<LogisticAttributes>({
  name: "Logistic",
  check: (_x, y) => checkFixedOutput(y, 1 / 256, y.format.min),
  codes: (x, y) => realCodes(x, y, real),
  float: real,
});
