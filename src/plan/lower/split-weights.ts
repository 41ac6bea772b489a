/** Where products of two units in int16 sums beat pairs (`assembly/gemm-safe.ts`, docs/performance.md). */
import { countAgain, splitUnits } from "../../kernels/index.ts";
import type { LowerContext } from "./context.ts";

/** Fewer rows waste the tile. */
const MIN_ROWS = 4;
/**
 * Units that may be read again, for each unit of a row: one costs 16 multiplies, and the sums save 4 of
 * 16 a unit.
 */
const MOST_AGAIN = 0.2;

/**
 * The most units that a panel reads again, or undefined where another kernel multiplies.
 * @param rows of the product; undefined where panels are not those of 8 columns from the first one on
 */
export function splitAgain(
  { machine, forced, inputs }: LowerContext,
  rows: number | undefined,
  weights: () => Int8Array | Int16Array,
  columns: number,
  depth: number,
): number | undefined {
  if (machine.isa !== "relaxed" || rows === undefined) return undefined;
  // The int16 dot is half of the accumulating one: its second operand is unsigned in both or in neither.
  if (machine.dot !== "saturating" && machine.dot !== "usdot") return undefined;
  if (forced?.includes("_s8_") === true)
    return countAgain(weights(), columns, depth, Infinity)!.largest;
  // With a scale for each column, the weights of every column use the whole range: few blocks fit.
  const scales = inputs[1]!.quantization?.scale.length ?? 1;
  if (machine.dot === "usdot" || rows < MIN_ROWS || scales > 1) return undefined;
  const units = splitUnits(depth) * Math.ceil(columns / 8);
  return countAgain(weights(), columns, depth, MOST_AGAIN * units)?.largest;
}
