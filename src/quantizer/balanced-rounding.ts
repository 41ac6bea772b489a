/**
 * Rounding the weights of one output channel together: up or down, so that their errors cancel.
 *
 * Nearest rounding is best weight by weight. The error of an output is Σ e[k] · x[k], and inputs are not
 * independent of mean 0: behind a ReLU all have a positive mean, and the taps of one input channel
 * see neighbouring pixels. With <x[k]²> = 1, <x[k] · x[l]> = `within` for taps of one channel and `across`
 * for all others, the mean squared error of an output is
 *
 *     (1 − within) · Σ e[k]²  +  (within − across) · Σ over channels (Σ e)²  +  across · (Σ e)²
 *
 * From the nearest codes one weight at a time goes to the neighbour on the other side of its value, wherever
 * that makes the sum smaller. No data; SQuant (Guo et al. 2022) has the same three terms.
 */

/** How alike the inputs of a layer are, from 0 to 1. */
export interface InputCorrelation {
  readonly within: number;
  /** At most `within`. */
  readonly across: number;
}

/** Inputs that are never negative, and inputs of both signs. */
export const POSITIVE_INPUTS: InputCorrelation = { within: 0.5, across: 0.3 };
export const SIGNED_INPUTS: InputCorrelation = { within: 0.5, across: 0 };

/** A sweep changes less than the one before; after so many, next to nothing. */
const MAX_SWEEPS = 8;

/**
 * Changes `errors` of weights k, code − value, from those of the nearest codes to those of the codes
 * that are taken. Weight k belongs to input channel k mod `channels`.
 * @param moves what the neighbour on the other side adds to an error; 0 where there is none. Its sign
 *   changes with every move, so that a weight has moved where it is not what it was
 */
export function balanceErrors(
  errors: Float64Array,
  moves: Float64Array,
  channels: number,
  { within, across }: InputCorrelation,
): void {
  const sums = new Float64Array(channels);
  let total = 0;
  for (let k = 0; k < errors.length; k++) {
    sums[k % channels]! += errors[k]!;
    total += errors[k]!;
  }
  const own = 1 - within;
  const shared = within - across;
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    let moved = 0;
    for (let k = 0, c = 0; k < errors.length; k++, c = c + 1 === channels ? 0 : c + 1) {
      const move = moves[k]!;
      // (s + move)² − s² = move · (2 s + move), of all three terms.
      const change = 2 * (own * errors[k]! + shared * sums[c]! + across * total) + move;
      if (move * change >= 0) continue;
      errors[k]! += move;
      sums[c]! += move;
      total += move;
      moves[k] = -move;
      moved++;
    }
    if (moved === 0) return;
  }
}
