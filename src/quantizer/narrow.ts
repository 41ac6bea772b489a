/** Activations below 8 bits: the `Quantize` node in front of a convolution. */
import { uint2, uint4, type Format, roundHalfEven } from "../formats/index.ts";
import { f32, perTensor, saturate } from "../quantization/index.ts";
import type { TensorType } from "../tensor/index.ts";

/**
 * K of Quantize's 8-bit rule, y = (K · x + …) >> 8: K / 256 codes per code of x. 15 and 3 would lay the
 * levels over the whole range of x; the tail that an 8-bit range covers is long, and levels spent on
 * it are lost. 40 keeps 3/8 of the range, 12 a quarter: of 1,000 CIFAR-10 images ResNet-8 with uint4
 * names 626, 685, 732, 739, 698, 659 right at K = 15, 20, 30, 40, 50, 60 (760 in 8 bits). K · x stays in
 * int16 up to K = 112.
 */
const MULTIPLIERS: ReadonlyMap<Format, number> = new Map([
  [uint4, 40],
  [uint2, 12],
]);

/**
 * The type of x in fewer bits: s_y = s_x · 256 / K, which the rule's integer arithmetic represents
 * exactly; the zero point lies in the range of y where that of x lies in its own, at 0 for a tensor
 * that is never negative.
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
