/**
 * Conv2D, DepthwiseConv2D and FullyConnected with minifloat weights, on minifloat or float32 inputs:
 *
 *     y = activation(f32(f32(f32(acc) · m[c]) + bias[c]))        m[c] = f32(s_x · s_w[c]) · 2^shift
 *
 * acc is the sum of products of what the codes stand for, without their scales (1 where there are
 * none); a float32 input goes in as it is. A missing bias is +0. Padded taps are products with 0. shift
 * is that of the attribute `accumulate`, else 0. One of three sums:
 *
 * | operands                                       | acc                                              |
 * |------------------------------------------------|--------------------------------------------------|
 * | attribute `accumulate`, minifloats             | in the emulated accumulator (`chunked-sum.ts`),  |
 * |                                                | of products / 2^shift                            |
 * | both of FP4 E2M1, FP6 E2M3, FP6 E3M2; the      | exact: integers in units of 1/2, 1/8, 1/16       |
 * | input also of E1M6, integers up to ±127        |                                                  |
 * | all others                                     | float32 from +0, a rounding per multiply and per |
 * |                                                | add, in the order (kh, kw, c)                    |
 *
 * Weights with a scale per block of the sum go in as f32(value · s_w), and m[c] is s_x: the last of the
 * three sums.
 */
import { ModelError, QuantizationError } from "../errors.ts";
import {
  type Format,
  float4_e2m1fn,
  float6_e2m3fn,
  float6_e3m2fn,
  isMinifloat,
} from "../formats/index.ts";
import { checkQuantization, f32, scaleCount } from "../quantization/index.ts";
import type { Tensor, TensorType } from "../tensor/index.ts";
import { clampFloat, floatActivationRange } from "./activation-range.ts";
import { checkFormat, checkMultiplier } from "./checks.ts";
import { checkChunkedSum, chunkedSum, type SumOfProducts } from "./chunked-sum.ts";
import { checkBias } from "./conv-checks.ts";
import type { OutputAttributes } from "./conv-quantization.ts";
import { minifloatValues, scaleReader } from "./minifloat-codes.ts";
import { dotFloats } from "./sums.ts";
import { hasBlocks } from "./weight-blocks.ts";

/** What `infer` asks of a layer, whatever its windows are. */
export interface MinifloatLayer {
  readonly x: TensorType;
  readonly w: TensorType;
  readonly bias: TensorType | undefined;
  readonly y: TensorType;
  /** Output channels, and the axis of their scales in w. */
  readonly channels: number;
  readonly channelAxis: number;
  /** Products of one sum, and sums. */
  readonly depth: number;
  readonly sums: number;
  readonly attributes: OutputAttributes;
}

/** True where weights or input are minifloat codes. */
export function isMinifloatLayer(x: TensorType, w: TensorType): boolean {
  return isMinifloat(w.format) || isMinifloat(x.format);
}

export function checkMinifloatLayer(layer: MinifloatLayer): void {
  const { x, w, bias, y, channels, attributes } = layer;
  if (!isMinifloat(w.format)) {
    throw new ModelError(`expected weights in a minifloat format, got ${w.format.name}`);
  }
  checkFormat(y, ["float32"], "output");
  checkBias(bias, channels, "float32");
  for (const operand of [x, w]) {
    if (operand.quantization !== undefined) checkQuantization(operand.quantization, operand.format);
  }
  if ((x.quantization?.scale.length ?? 1) !== 1 && isMinifloat(x.format)) {
    throw new QuantizationError(`expected one scale of the input, got several`);
  }
  const { scale, axis } = w.quantization ?? { scale: [1], axis: 0 };
  // Blocks lie along the sum: the input channels of a tap, the rows of a depthwise filter.
  const isBlocked = hasBlocks(w);
  const own = isBlocked ? (layer.channelAxis || w.shape.length) - 1 : layer.channelAxis;
  const count = isBlocked ? scaleCount(w.quantization!, w.shape) : channels;
  if (scale.length !== 1 && (scale.length !== count || axis !== own)) {
    throw new QuantizationError(
      `expected ${count} weight scales along axis ${own}, got ${scale.length} along axis ${axis}`,
    );
  }
  const { shift = 0 } = attributes.accumulate ?? {};
  if (!Number.isInteger(shift) || shift < 0 || shift > MAX_SHIFT) {
    throw new ModelError(`expected a shift in [0, ${MAX_SHIFT}], got ${shift}`);
  }
  for (const multiplier of layerMultipliers(x, w, channels, shift)) {
    checkMultiplier(multiplier, "multiplier s_x · s_w");
  }
  if (attributes.accumulate === undefined) return;
  for (const operand of [x, w]) {
    const { format } = operand;
    if (!isMinifloat(format) || !format.signed || hasBlocks(operand)) {
      throw new ModelError(
        `expected signed minifloats without blocks to accumulate, got ${format.name}`,
      );
    }
  }
  checkChunkedSum(attributes.accumulate, layer.sums, layer.depth);
}

const MAX_SHIFT = 100;

/** m[c] of every output channel. */
export function layerMultipliers(
  x: TensorType,
  w: TensorType,
  channels: number,
  shift = 0,
): Float32Array {
  const inputScale = isMinifloat(x.format) ? (x.quantization?.scale[0] ?? 1) : 1;
  const scales = (hasBlocks(w) ? undefined : w.quantization?.scale) ?? Float32Array.of(1);
  return Float32Array.from({ length: channels }, (_, c) =>
    f32(f32(inputScale * scales[scales.length === 1 ? 0 : c]!) * 2 ** shift),
  );
}

const INTEGER_UNITS: ReadonlyMap<Format, number> = new Map<Format, number>([
  [float4_e2m1fn, 2],
  [float6_e2m3fn, 8],
  [float6_e3m2fn, 16],
]);

/** The least number that makes every value of the format an integer, where the sum is in integers. */
export function integerUnit(format: Format): number | undefined {
  return INTEGER_UNITS.get(format);
}

/** The same of the weights of a layer; undefined where scales are inside the sum. */
export function weightUnit(w: TensorType): number | undefined {
  return hasBlocks(w) ? undefined : integerUnit(w.format);
}

/**
 * The same of the input of a layer, which may also be E1M6 of any bias: the integers −127 … 127 with a
 * scale.
 */
export function inputUnit(format: Format): number | undefined {
  const isInteger8 =
    isMinifloat(format) && format.signed && format.maxCode === 127 && format.exponentBits === 1;
  return isInteger8 ? 1 / format.smallest : integerUnit(format);
}

/** Values of x, or of w, as they are multiplied. */
export function layerValues(operand: Tensor): Float32Array {
  if (!isMinifloat(operand.type.format)) return operand.data as Float32Array;
  const values = minifloatValues(operand);
  if (!hasBlocks(operand.type)) return values;
  const scale = scaleReader(operand.type);
  return values.map((value, i) => value * scale(i));
}

/** acc of an output. */
export function layerSum(
  x: TensorType,
  w: TensorType,
  { accumulate }: OutputAttributes,
  depth: number,
): SumOfProducts {
  if (accumulate !== undefined) return chunkedSum(accumulate, depth);
  const isExact = inputUnit(x.format) !== undefined && weightUnit(w) !== undefined;
  return isExact ? exactSum : (a, values, from) => dotFloats(a, values, from, 0);
}

/** All terms are multiples of 2^−8 below 2^10: float64 is exact up to 2^35 of them. */
function exactSum(a: Float32Array, w: Float32Array, from: number): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k]! * w[from + k]!;
  return f32(sum);
}

/** From acc to y. */
export function layerOutput(
  x: TensorType,
  w: TensorType,
  bias: Tensor | undefined,
  channels: number,
  { activation, accumulate }: OutputAttributes,
): (sum: number, channel: number) => number {
  const multipliers = layerMultipliers(x, w, channels, accumulate?.shift);
  const biases = bias?.data as Float32Array | undefined;
  const range = floatActivationRange(activation);
  return (sum, c) => {
    const value = f32(f32(sum * multipliers[c]!) + (biases === undefined ? 0 : biases[c]!));
    // One NaN: the arithmetic of a host may give it a sign.
    return Number.isNaN(value) ? NaN : clampFloat(value, range);
  };
}
