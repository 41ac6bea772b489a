/** Activations below 8 bits: the `Quantize` node in front of a convolution. */
import { uint2, uint4, type Format, roundHalfEven } from "../formats/index.ts";
import { f32, perTensor, saturate } from "../quantization/index.ts";
import type { TensorType } from "../tensor/index.ts";

/**
 * K of Quantize's 8-bit rule, y = (K · x + …) >> 8: K / 256 codes per code of x. 15 / 256 and 3 / 256
 * lay the levels over the whole range of x.
 */
const MULTIPLIERS: ReadonlyMap<Format, number> = new Map([
  [uint4, 15],
  [uint2, 3],
]);

/**
 * The type of x in fewer bits: s_y = s_x · 256 / K, which the rule's integer arithmetic represents
 * exactly; the zero point lies where that of x lies in its range, at 0 for a tensor that is not
 * negative.
 */
export function narrowType(x: TensorType, format: Format): TensorType {
  const scale = x.quantization!.scale[0]!;
  const zeroPoint = x.quantization!.zeroPoint[0]!;
  const { min, max } = x.format;
  const position = (zeroPoint - min) / (max - min);
  return {
    format,
    shape: x.shape,
    quantization: perTensor(
      f32((scale * 256) / MULTIPLIERS.get(format)!),
      saturate(roundHalfEven(position * format.max), 0, format.max),
    ),
  };
}
