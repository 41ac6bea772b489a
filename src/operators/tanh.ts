/** Tanh. The 8-bit output is fixed to scale 1/128 and the middle zero point. */
import { f32 } from "../quantization/index.ts";
import { checkFixedOutput } from "./checks.ts";
import { tanh as exactTanh } from "./elementary.ts";
import { type NoAttributes, realCodes, unaryOperator } from "./unary.ts";

export type TanhAttributes = NoAttributes;

const real = (r: number): number => f32(exactTanh(r));

export const tanh = unaryOperator<TanhAttributes>({
  name: "Tanh",
  check: (_x, y) => checkFixedOutput(y, 1 / 128, y.format.min + 128),
  codes: (x, y) => realCodes(x, y, real),
  float: real,
});
