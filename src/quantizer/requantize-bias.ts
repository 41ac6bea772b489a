/** The bias of a re-quantized layer as a constant. */
import { float32, int32, roundHalfEven } from "../formats/index.ts";
import { f32, perChannel } from "../quantization/index.ts";
import type { Tensor, TensorType } from "../tensor/index.ts";

/** @param old the type of the bias in the file, if there is one */
export function realBias(old: TensorType | undefined, values: Float64Array): Tensor {
  const type = { format: float32, shape: old?.shape ?? [values.length] };
  return { type, data: new Float32Array(values) };
}

/**
 * Codes in units of the scales of inputs and weights.
 * @param values in units of the input's scale
 * @param scales of the weights, per channel
 */
export function integerBias(
  old: TensorType | undefined,
  values: Float64Array,
  scales: Float32Array,
  inputScale: number,
): Tensor {
  const { format, shape } = old ?? { format: int32, shape: [scales.length] };
  const quantization = perChannel(
    scales.map((scale) => f32(inputScale * scale)),
    new Int32Array(scales.length),
    shape.length - 1,
  );
  const hasChannels = shape.at(-1) === scales.length;
  return {
    type: { format, shape, ...(hasChannels ? { quantization } : {}) },
    data: Int32Array.from(values, (value, c) => roundHalfEven(value / scales[c]!)),
  };
}
