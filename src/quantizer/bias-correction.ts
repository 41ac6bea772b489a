/**
 * What the rounding of weights and inputs adds to the mean of an output, taken off the bias (Nagel et al. 2019):
 *
 *     b'[c] = b[c] + Σ w[c, k] · <x[k]> − Σ ŵ[c, k] · <x̂[k]>
 *
 * <x[k]> is the mean of what weight k reads, padding included, over samples and positions.
 */
import type { InputMoments } from "./input-moments.ts";
import type { WeightLayout } from "./weight-layout.ts";

/**
 * What is to be added to the bias of each output channel.
 * @param weights before, in real numbers
 * @param rounded after
 */
export function biasChanges(
  { channels, depth, groupOf, weightAt }: WeightLayout,
  weights: Float32Array,
  rounded: Float32Array,
  { mean, roundedMean }: InputMoments,
): Float64Array {
  return Float64Array.from({ length: channels }, (_, c) => {
    const first = groupOf(c) * depth;
    let change = 0;
    for (let k = 0; k < depth; k++) {
      const at = weightAt(c, k);
      change += weights[at]! * mean[first + k]! - rounded[at]! * roundedMean[first + k]!;
    }
    return change;
  });
}
