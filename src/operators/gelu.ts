/**
 * Gelu: x · Φ(x), by erfc or by the tanh approximation, in float32 steps (docs/exactness.md, section 4).
 */
import { f32 } from "../quantization/index.ts";
import { erfc, tanh } from "./elementary.ts";
import { realCodes, unaryOperator } from "./unary.ts";

export interface GeluAttributes {
  /** 0.5 · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³))) instead of 0.5 · x · erfc(−x / √2). */
  readonly approximate: boolean;
}

const MINUS_SQRT_HALF = f32(-Math.SQRT1_2);
const SQRT_TWO_OVER_PI = f32(0.7978845608028654);
const CUBIC = f32(0.044715);

const half = (r: number): number => f32(0.5 * r);

const exact = (r: number): number => f32(half(r) * f32(erfc(f32(r * MINUS_SQRT_HALF))));

function approximate(r: number): number {
  const cubic = f32(1 + f32(f32(CUBIC * r) * r));
  return f32(half(r) * f32(1 + f32(tanh(f32(SQRT_TWO_OVER_PI * f32(r * cubic))))));
}

const real = (attributes: GeluAttributes): ((r: number) => number) =>
  attributes.approximate ? approximate : exact;

export const gelu = unaryOperator<GeluAttributes>({
  name: "Gelu",
  codes: (x, y, attributes) => realCodes(x, y, real(attributes)),
  float: (value, attributes) => real(attributes)(value),
});
