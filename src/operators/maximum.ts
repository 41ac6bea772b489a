/** Maximum: a > b ? a : b with broadcasting. 8-bit operands and output share their quantization. */
import { binaryOperator } from "./binary.ts";
import { checkSharedQuantization } from "./checks.ts";
import type { NoAttributes } from "./unary.ts";

export type MaximumAttributes = NoAttributes;

export const maximum = binaryOperator<MaximumAttributes>({
  name: "Maximum",
  formats: ["float32", "int8", "uint8", "int32", "int64"],
  check: (a, b, y) => checkSharedQuantization([a, b, y]),
  codes: (_a, _b, y) => {
    const zeroPoint = y.quantization!.zeroPoint[0]!;
    return (a1, b1) => (a1 > b1 ? a1 : b1) + zeroPoint;
  },
  float: (a, b) => (a > b ? a : b),
  integer: (a, b) => (a > b ? a : b),
  long: (a, b) => (a > b ? a : b),
});
