/** Weights in float32 as minifloat codes: a scale per output channel or block, errors balanced within a channel. */
import { QuantizationError } from "../errors.ts";
import { f32, type Quantization } from "../quantization/index.ts";
import { packBits, type Shape, type Tensor, type TensorType } from "../tensor/index.ts";
import { balanceErrors, type InputCorrelation } from "./balanced-rounding.ts";
import { InputMoments } from "./input-moments.ts";
import { roundTogether } from "./joint-rounding.ts";
import { largestOf, type ScaleSearch, weightScale } from "./minifloat-scales.ts";
import { scaleRuns } from "./scale-runs.ts";
import type { WeightLayout } from "./weight-layout.ts";

export interface EncodedWeights {
  readonly codes: Tensor;
  /** What the codes stand for, in the order of w. */
  readonly values: Float32Array;
}

/**
 * @param inputs what the weights read: moments, or how alike inputs are
 * @throws QuantizationError weights that are not finite
 */
export function encodeWeights(
  w: Tensor,
  layout: WeightLayout,
  search: ScaleSearch,
  inputs: InputMoments | InputCorrelation,
): EncodedWeights {
  const { format } = search;
  const { channels, depth } = layout;
  const given = w.data as Float32Array;
  const runs = scaleRuns(w.type.shape, layout, search.block?.blockSize);
  const scales = new Float32Array(channels * runs.ends.length);
  const scaleOf = new Float64Array(depth);
  const codes = new Uint16Array(given.length);
  const values = new Float32Array(given.length);
  const own = new Float32Array(depth);
  const balance = balancer(search, layout);
  const negativeZero = format.encode(-0, true);
  const signBit = 2 ** (format.bits - 1);
  for (let c = 0; c < channels; c++) {
    for (let k = 0; k < depth; k++) own[k] = given[layout.weightAt(c, k)]!;
    if (!(largestOf(own) < Infinity) || own.some(Number.isNaN)) {
      throw new QuantizationError("expected finite weights, got infinity or NaN");
    }
    runs.ends.forEach((end, run) => {
      const start = runs.ends[run - 1] ?? 0;
      const scale = weightScale(search, own.subarray(start, end));
      scales[runs.scaleAt(c, run)] = scale;
      scaleOf.fill(scale, start, end);
    });
    const rounded =
      inputs instanceof InputMoments
        ? roundTogether(
            Float64Array.from(own),
            (value, k) => search.round(value / scaleOf[k]!) * scaleOf[k]!,
            inputs.blocksOf(layout.groupOf(c)),
          )
        : balance(own, scaleOf, inputs);
    for (let k = 0; k < depth; k++) {
      const at = layout.weightAt(c, k);
      const isNegative = rounded[k]! < 0 || (rounded[k] === 0 && own[k]! < 0);
      const code = format.encode(Math.abs(rounded[k]! / scaleOf[k]!), true);
      codes[at] = isNegative ? (code === 0 ? negativeZero : code + signBit) : code;
      values[at] = f32(isNegative ? -Math.abs(rounded[k]!) : rounded[k]!);
    }
  }
  return { codes: packedCodes(w.type.shape, search, codes, runs.quantization(scales)), values };
}

/** Rounds the weights of a filter without samples. */
function balancer(
  { format, round }: ScaleSearch,
  { depth, inputs }: WeightLayout,
): (own: Float32Array, scaleOf: Float64Array, correlation: InputCorrelation) => Float64Array {
  const magnitudes = Float64Array.from({ length: format.maxCode + 1 }, (_, code) =>
    format.decode(code),
  );
  const errors = new Float64Array(depth);
  const moves = new Float64Array(depth);
  return (own, scaleOf, correlation) => {
    for (let k = 0; k < depth; k++) {
      const scale = scaleOf[k]!;
      // Errors of a channel in one unit: 1 where it has one scale.
      const unit = scale / scaleOf[0]!;
      const value = Math.abs(own[k]! / scale);
      const sign = own[k]! < 0 ? -1 : 1;
      const code = format.encode(value, true);
      const error = magnitudes[code]! - value;
      const beyond = error < 0 ? code + 1 : code - 1;
      // A value that is exact needs no neighbour, and the largest number has none.
      const hasOther = error !== 0 && beyond < magnitudes.length;
      errors[k] = sign * error * unit;
      moves[k] = hasOther ? sign * (magnitudes[beyond]! - magnitudes[code]!) * unit : 0;
    }
    balanceErrors(errors, moves, inputs, correlation);
    return errors.map((error, k) => {
      const scale = scaleOf[k]!;
      return round(own[k]! / scale + error / (scale / scaleOf[0]!)) * scale;
    });
  };
}

function packedCodes(
  shape: Shape,
  { format }: ScaleSearch,
  codes: Uint16Array,
  quantization: Quantization,
): Tensor {
  const type: TensorType = { format, shape, quantization };
  if (format.bits > 8) return { type, data: codes };
  return { type, data: format.bits === 8 ? Uint8Array.from(codes) : packBits(format, codes) };
}
