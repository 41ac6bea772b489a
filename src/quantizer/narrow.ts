/** Activations below 8 bits: the `Quantize` node in front of a convolution. */
import { uint1, uint2, uint4, type Format, roundHalfEven } from "../formats/index.ts";
import { f32, perTensor, saturate } from "../quantization/index.ts";
import type { TensorType } from "../tensor/index.ts";

/** K of Quantize's 8-bit rule, y = (K · x + …) >> 8: one code of x is K / 256 codes of y. */
interface Multipliers {
  /** Lays the levels over the whole range of x. */
  readonly whole: number;
  /** Over a part of it, 3/8 for uint4, 1/4 for uint2, 1/6 for uint1: the ends saturate. */
  readonly part: number;
}

/**
 * The range of an 8-bit tensor covers the largest value that was ever seen; levels spent on that long
 * tail are lost. Of 1,000 CIFAR-10 images ResNet-8 with uint4 activations names 626, 685, 732, 739,
 * 698, 659 right at K = 15, 20, 30, 40, 50, 60 (760 in 8 bits). K · x stays in int16 up to K = 112.
 */
const MULTIPLIERS: ReadonlyMap<Format, Multipliers> = new Map([
  [uint4, { whole: 15, part: 40 }],
  [uint2, { whole: 3, part: 12 }],
  [uint1, { whole: 1, part: 6 }],
]);

/** Multipliers that samples choose among: 1, 5/4, 6/4 … 5 times the one of the whole range. */
const STEPS = 16;

/**
 * The type of x in fewer bits: s_y = s_x · 256 / K, which the rule's integer arithmetic represents
 * exactly; the zero point lies in the range of y where that of x lies in its own, at 0 for a tensor
 * that is never negative.
 * @param values some real values of x: K is that of their least squared error
 */
export function narrowType(x: TensorType, format: Format, values?: Float32Array): TensorType {
  const { whole, part } = MULTIPLIERS.get(format)!;
  let best = typeOf(x, format, isClamped(x) ? whole : part);
  if (values === undefined) return best;
  let least = Infinity;
  for (let step = 0; step <= STEPS; step++) {
    const type = typeOf(x, format, Math.round(whole * (1 + step / 4)));
    const error = squaredError(values, roundingOf(type));
    if (error >= least) continue;
    least = error;
    best = type;
  }
  return best;
}

function typeOf(x: TensorType, format: Format, multiplier: number): TensorType {
  const scale = x.quantization!.scale[0]!;
  const zeroPoint = x.quantization!.zeroPoint[0]!;
  const { min, max } = x.format;
  const position = (zeroPoint - min) / (max - min);
  return {
    format,
    shape: x.shape,
    quantization: perTensor(
      f32((scale * 256) / multiplier),
      saturate(roundHalfEven(position * format.max), 0, format.max),
    ),
  };
}

function squaredError(values: Float32Array, round: (value: number) => number): number {
  let error = 0;
  for (let i = 0; i < values.length; i++) error += (values[i]! - round(values[i]!)) ** 2;
  return error;
}

/** How a type rounds real numbers. */
export function roundingOf({ format, quantization }: TensorType): (value: number) => number {
  const scale = quantization!.scale[0]!;
  const zeroPoint = quantization!.zeroPoint[0]!;
  const { min, max } = format;
  return (value) =>
    (saturate(roundHalfEven(value / scale) + zeroPoint, min, max) - zeroPoint) * scale;
}

/**
 * A range that ends at 6 is that of ReLU6: it has no tail, many values lie at its end (MobileNetV2, of
 * 250 images with uint4: 171 right with the whole range, none with 3/8 of it).
 */
function isClamped({ format, quantization }: TensorType): boolean {
  const scale = quantization!.scale[0]!;
  const end = (format.max - quantization!.zeroPoint[0]!) * scale;
  return Math.abs(end - 6) <= scale;
}
