/** Weights in float32 as minifloat codes: a scale per output channel, errors balanced within it. */
import { QuantizationError } from "../errors.ts";
import { f32, perChannel } from "../quantization/index.ts";
import { packBits, type Shape, type Tensor, type TensorType } from "../tensor/index.ts";
import { balanceErrors, type InputCorrelation } from "./balanced-rounding.ts";
import { largestOf, type ScaleSearch, weightScale } from "./minifloat-scales.ts";
import type { WeightLayout } from "./weight-layout.ts";

export interface EncodedWeights {
  readonly codes: Tensor;
  /** What the codes stand for, in the order of w. */
  readonly values: Float32Array;
}

/** @throws QuantizationError weights that are not finite */
export function encodeWeights(
  w: Tensor,
  layout: WeightLayout,
  search: ScaleSearch,
  correlation: InputCorrelation,
): EncodedWeights {
  const { format } = search;
  const { channels, depth } = layout;
  const given = w.data as Float32Array;
  const magnitudes = magnitudeTable(search);
  const scales = new Float32Array(channels);
  const codes = new Uint16Array(given.length);
  const values = new Float32Array(given.length);
  const own = new Float32Array(depth);
  const errors = new Float64Array(depth);
  const moves = new Float64Array(depth);
  for (let c = 0; c < channels; c++) {
    for (let k = 0; k < depth; k++) own[k] = given[layout.weightAt(c, k)]!;
    if (!(largestOf(own) < Infinity) || own.some(Number.isNaN)) {
      throw new QuantizationError("expected finite weights, got infinity or NaN");
    }
    const scale = weightScale(search, own);
    scales[c] = scale;
    for (let k = 0; k < depth; k++) {
      const value = own[k]! / scale;
      const code = format.encode(Math.abs(value), true);
      const nearest = magnitudes[code]!;
      const beyond = nearest < Math.abs(value) ? code + 1 : code - 1;
      // At 0 and at the largest number there is no neighbour.
      const other = nearest === Math.abs(value) ? nearest : (magnitudes[beyond] ?? nearest);
      errors[k] = Math.sign(value) * nearest - value;
      moves[k] = Math.sign(value) * (other - nearest);
    }
    balanceErrors(errors, moves, layout.inputs, correlation);
    for (let k = 0; k < depth; k++) {
      const value = own[k]! / scale + errors[k]!;
      const at = layout.weightAt(c, k);
      codes[at] = format.encode(value, true);
      values[at] = f32(format.decode(codes[at]!) * scale);
    }
  }
  return { codes: packedCodes(w.type.shape, layout, search, { codes, scales }), values };
}

/** Magnitudes of the format by their codes. */
function magnitudeTable({ format }: ScaleSearch): Float64Array {
  return Float64Array.from({ length: format.maxCode + 1 }, (_, code) => format.decode(code));
}

function packedCodes(
  shape: Shape,
  { channels, axis }: WeightLayout,
  { format }: ScaleSearch,
  { codes, scales }: { readonly codes: Uint16Array; readonly scales: Float32Array },
): Tensor {
  const quantization = perChannel(scales, new Int32Array(channels), axis);
  const type: TensorType = { format, shape, quantization };
  if (format.bits > 8) return { type, data: codes };
  return { type, data: format.bits === 8 ? Uint8Array.from(codes) : packBits(format, codes) };
}
