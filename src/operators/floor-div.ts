/** FloorDiv: ⌊a / b⌋ with broadcasting, on float32, int32 and int64. */
import { InputError } from "../errors.ts";
import { f32 } from "../quantization/index.ts";
import { binaryOperator } from "./binary.ts";
import type { NoAttributes } from "./unary.ts";

export type FloorDivAttributes = NoAttributes;

function divisor<T extends number | bigint>(b: T): T {
  if (Number(b) === 0) throw new InputError("expected integer divisors other than 0, got 0");
  return b;
}

/**
 * Integer division by 0 is an InputError of the run; float32 follows IEEE. The float quotient is
 * formed in float64 before the floor, as TFLite forms it.
 */
export const floorDiv = binaryOperator<FloorDivAttributes>({
  name: "FloorDiv",
  formats: ["float32", "int32", "int64"],
  float: (a, b) => f32(Math.floor(a / b)),
  integer: (a, b) => Math.floor(a / divisor(b)),
  long: (a, b) => {
    const quotient = a / divisor(b);
    const floored = a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
    return BigInt.asIntN(64, floored);
  },
});
