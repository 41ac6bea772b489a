/** Integer codes of a filter, with one scale or several, rounded together (`balanced-rounding.ts`). */
import { binary, type Format } from "../formats/index.ts";
import { balanceErrors, type InputCorrelation } from "./balanced-rounding.ts";
import type { ChannelValues } from "./omse.ts";

export interface Filter {
  readonly values: ChannelValues;
  /** Nearest codes of the values; they are changed. */
  readonly codes: Int8Array;
  /** Of all weights, in the unit of the values; or of each. */
  readonly scale: number | Float64Array;
  /** Input channels that the weights meet in turn. */
  readonly inputs: number;
}

let errors = new Float64Array(0);
let moves = new Float64Array(0);

export function balanceCodes(filter: Filter, format: Format, correlation: InputCorrelation): void {
  const { values, codes, scale, inputs } = filter;
  const count = codes.length;
  if (errors.length < count) {
    errors = new Float64Array(count);
    moves = new Float64Array(count);
  }
  const step = format === binary ? 2 : 1;
  const least = format === binary ? -1 : format.min;
  const most = format.max;
  for (let k = 0; k < count; k++) {
    const own = typeof scale === "number" ? scale : scale[k]!;
    const code = codes[k]!;
    const error = code * own - values[k]!;
    const other = error > 0 ? code - step : code + step;
    errors[k] = error;
    // At the ends there is no neighbour, and a code that is exact needs none.
    moves[k] = error === 0 || other < least || other > most ? 0 : (other - code) * own;
  }
  balanceErrors(errors.subarray(0, count), moves.subarray(0, count), inputs, correlation);
  for (let k = 0; k < count; k++) {
    const own = typeof scale === "number" ? scale : scale[k]!;
    codes[k] = Math.round((values[k]! + errors[k]!) / own);
  }
}
