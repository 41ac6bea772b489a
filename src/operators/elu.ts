/** Elu: x where x ≥ 0, else e^x − 1. */
import { f32 } from "../quantization/index.ts";
import { expm1 } from "./elementary.ts";
import { type NoAttributes, realCodes, unaryOperator } from "./unary.ts";

export type EluAttributes = NoAttributes;

const real = (r: number): number => (r >= 0 ? r : f32(expm1(r)));

export const elu = unaryOperator<EluAttributes>({
  name: "Elu",
  codes: (x, y) => realCodes(x, y, real),
  float: real,
});
