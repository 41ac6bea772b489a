/** Integer codes of a filter, with one scale or several, rounded together (`balanced-rounding.ts`). */
import { binary, type Format } from "../formats/index.ts";
import { balanceErrors, type InputCorrelation } from "./balanced-rounding.ts";
import type { ChannelValues } from "./omse.ts";

export interface Filter {
  readonly values: ChannelValues;
  /** Nearest codes of the values; they are changed. */
  readonly codes: Int8Array;
  /** Scale of weight k, in the unit of the values. */
  readonly scaleOf: (k: number) => number;
  /** Input channels that the weights meet in turn. */
  readonly inputs: number;
}

export function balanceCodes(filter: Filter, format: Format, correlation: InputCorrelation): void {
  const { values, codes, scaleOf, inputs } = filter;
  const errors = Float64Array.from(codes, (code, k) => code * scaleOf(k) - values[k]!);
  const moves = Float64Array.from(codes, (code, k) => {
    const other = neighbour(code, errors[k]!, format);
    return (other - code) * scaleOf(k);
  });
  const before = moves.slice();
  balanceErrors(errors, moves, inputs, correlation);
  for (let k = 0; k < codes.length; k++) {
    if (moves[k] !== before[k])
      codes[k] = neighbour(codes[k]!, codes[k]! * scaleOf(k) - values[k]!, format);
  }
}

/** The code on the other side of a value, or the code itself at the ends and where it is exact. */
function neighbour(code: number, error: number, format: Format): number {
  const step = format === binary ? 2 : 1;
  const other = code - step * Math.sign(error);
  const least = format === binary ? -1 : format.min;
  return other < least || other > format.max ? code : other;
}
