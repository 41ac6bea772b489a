/** The proof behind rule `smallFp32`: scaled accumulators need no clamp before they are narrowed. */
import type { ConvQuantization } from "../../operators/index.ts";

/** Largest |accumulator · multiplier| that rule `smallFp32` rounds. */
const MAX_SCALED = 2 ** 22 - 1;
/** Largest |x − zeroPoint|. */
const LARGEST_TERM = 255;

/**
 * Whether |accumulator · multiplier| < 2^22 for any input: by the largest int8 weights, which is nearly
 * always enough, or else by the weights of each column.
 */
export function scalesStaySmall(
  output: ConvQuantization["output"],
  bias: Int32Array | undefined,
  depth: number,
  weights: () => Int8Array | Int16Array,
): boolean {
  if (output.rule !== "fp32") return false;
  const isSmall = (multiplier: number, column: number, weightSum: number) =>
    (LARGEST_TERM * weightSum + Math.abs(bias?.[column] ?? 0)) * multiplier <= MAX_SCALED;
  if (output.multipliers.every((multiplier, n) => isSmall(multiplier, n, 128 * depth))) return true;
  const all = weights();
  return output.multipliers.every((multiplier, n) => {
    let sum = 0;
    for (let k = n * depth; k < (n + 1) * depth; k++) sum += Math.abs(all[k]!);
    return isSmall(multiplier, n, sum);
  });
}
