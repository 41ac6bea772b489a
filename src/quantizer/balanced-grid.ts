/** Integer codes of a filter, with one scale or several, rounded together (`balanced-rounding.ts`). */
import { binary, type Format } from "../formats/index.ts";
import { balanceErrors, type InputCorrelation } from "./balanced-rounding.ts";
import { type ChannelValues, nearestCode } from "./omse.ts";

export interface Filter {
  readonly values: ChannelValues;
  /** Of the values; they are written. */
  readonly codes: Int8Array;
  /** Of each weight, in the unit of the values. */
  readonly scale: Float64Array;
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
    const own = scale[k]!;
    const code = nearestCode(values[k]! / own, format);
    codes[k] = code;
    const error = code * own - values[k]!;
    const other = error > 0 ? code - step : code + step;
    errors[k] = error;
    // At the ends there is no neighbour, and a code that is exact needs none.
    moves[k] = error === 0 || other < least || other > most ? 0 : (other - code) * own;
  }
  balanceErrors(errors.subarray(0, count), moves.subarray(0, count), inputs, correlation);
  for (let k = 0; k < count; k++) {
    codes[k] = Math.round((values[k]! + errors[k]!) / scale[k]!);
  }
}
