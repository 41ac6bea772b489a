/**
 * Quantization of convolutions and fully connected layers: the constants of the output stage, which
 * references and kernels share (docs/exactness.md, section 3), and the exact operands of the sum.
 */
import {
  f32,
  type FixedMultiplier,
  type OutputRange,
  quantizeMultiplier,
  requantizeFixed,
  requantizeFixedUp,
  requantizeFloat64,
  requantizeFp32,
  type Rounding,
} from "../quantization/index.ts";
import { type Tensor, type TensorType, unpackCodes } from "../tensor/index.ts";
import { activationRange } from "./activation-range.ts";
import { affine } from "./checks.ts";
import type { AccumulateAttributes } from "./chunked-sum.ts";
import type { Activation } from "./operator.ts";

export const WEIGHT_FORMATS = [
  ...["int8", "uint8", "int4", "uint4", "int2", "uint2"],
  ...["ternary", "binary"],
] as const;

/** Attributes that decide the output stage. */
export interface OutputAttributes {
  readonly activation: Activation;
  /** The weights are not the file's but were re-quantized at load (src/quantizer). */
  readonly isRequantized?: boolean;
  /** Minifloat operands: the sum in an emulated accumulator (`minifloat-layers.ts`). */
  readonly accumulate?: AccumulateAttributes;
}

/** How an int32 accumulator of channel c becomes a code. One entry per output channel. */
export type OutputStage =
  | {
      /** RNE(clamp(f32(f32(acc) · m))) + z_y. */
      readonly rule: "fp32";
      readonly multipliers: Float32Array;
      readonly range: OutputRange;
    }
  | {
      /** sat(MBQM(acc, (Q, e)) + z_y). */
      readonly rule: "fixed";
      readonly multipliers: readonly FixedMultiplier[];
      readonly range: OutputRange;
    }
  | {
      /** As "fixed", ties of the final shift upward: TFLite's own kernel for weights below 8 bits. */
      readonly rule: "fixedUp";
      readonly multipliers: readonly FixedMultiplier[];
      readonly range: OutputRange;
    }
  | {
      /** sat(RHA(float64(acc) · d) + z_y): TFLite's reference FULLY_CONNECTED. */
      readonly rule: "float64";
      readonly multipliers: Float64Array;
      readonly range: OutputRange;
    };

export interface ConvQuantization {
  readonly inputZeroPoint: number;
  /** One per output channel. */
  readonly weightZeroPoints: Int32Array;
  readonly output: OutputStage;
}

/** Weight scales and zero points, one per output channel. */
export function weightChannels(
  w: TensorType,
  channels: number,
): { scales: Float32Array; zeroPoints: Int32Array } {
  const { scale, zeroPoint } = w.quantization!;
  if (scale.length === channels) return { scales: scale, zeroPoints: zeroPoint };
  return {
    scales: new Float32Array(channels).fill(scale[0]!),
    zeroPoints: new Int32Array(channels).fill(zeroPoint[0]!),
  };
}

function quantization(
  rule: OutputStage["rule"],
  x: TensorType,
  w: TensorType,
  y: TensorType,
  channels: number,
  range: OutputRange,
): ConvQuantization {
  const { scale: inputScale, zeroPoint: inputZeroPoint } = affine(x, "input");
  const { scale: outputScale } = affine(y, "output");
  const { scales, zeroPoints: weightZeroPoints } = weightChannels(w, channels);
  // Legacy uint8 models form the product of the scales in float32, int8 models in float64.
  const legacy = x.format.name === "uint8";
  const real = (scale: number): number =>
    (legacy ? f32(inputScale * scale) : inputScale * scale) / outputScale;
  const stage = (): OutputStage => {
    switch (rule) {
      case "fp32": {
        const short = (scale: number): number => f32(f32(inputScale * scale) / outputScale);
        return { rule, multipliers: scales.map(short), range };
      }
      case "fixed":
      case "fixedUp":
        return { rule, multipliers: Array.from(scales, (s) => quantizeMultiplier(real(s))), range };
      case "float64":
        return { rule, multipliers: Float64Array.from(scales, real), range };
    }
  };
  return { inputZeroPoint, weightZeroPoints, output: stage() };
}

/** DepthwiseConv2D and TransposeConv with 8-bit activations: sections 3.1 and 3.2. */
export function convQuantization(
  x: TensorType,
  w: TensorType,
  y: TensorType,
  channels: number,
  activation: Activation,
  rounding: Rounding,
): ConvQuantization {
  const rule = rounding === "fp32" ? "fp32" : "fixed";
  return quantization(rule, x, w, y, channels, activationRange(activation, y, rounding));
}

/**
 * Conv2D and FullyConnected under `fp32`: section 3.1, but XNNPACK does not take weights below 8 bits,
 * so that TFLite's default path runs its own kernel with its own rounding and range. What TFLite does
 * not have, re-quantized weights and activations below 8 bits, follows section 3.1.
 */
function defaultQuantization(
  x: TensorType,
  w: TensorType,
  y: TensorType,
  { activation, isRequantized = false }: OutputAttributes,
): ConvQuantization {
  const isTflites = w.format.bits < 8 && x.format.bits === 8 && !isRequantized;
  const [rule, rounding] = isTflites
    ? (["fixedUp", "tflite-reference"] as const)
    : (["fp32", "fp32"] as const);
  return quantization(rule, x, w, y, w.shape[0]!, activationRange(activation, y, rounding));
}

/** Conv2D with activations of 8 bits or fewer: sections 3.1 and 3.2. */
export function conv2DQuantization(
  x: TensorType,
  w: TensorType,
  y: TensorType,
  attributes: OutputAttributes,
  rounding: Rounding,
): ConvQuantization {
  return rounding === "fp32"
    ? defaultQuantization(x, w, y, attributes)
    : convQuantization(x, w, y, w.shape[0]!, attributes.activation, rounding);
}

/** FullyConnected with activations of 8 bits or fewer: sections 3.1 and 3.3. */
export function fullyConnectedQuantization(
  x: TensorType,
  w: TensorType,
  y: TensorType,
  attributes: OutputAttributes,
  rounding: Rounding,
): ConvQuantization {
  if (rounding === "fp32") return defaultQuantization(x, w, y, attributes);
  const range = activationRange(attributes.activation, y, rounding);
  return quantization("float64", x, w, y, w.shape[0]!, range);
}

/** The code of an accumulator of one channel. */
export function requantize(accumulator: number, channel: number, stage: OutputStage): number {
  switch (stage.rule) {
    case "fp32":
      return requantizeFp32(accumulator, stage.multipliers[channel]!, stage.range);
    case "fixed":
      return requantizeFixed(accumulator, stage.multipliers[channel]!, stage.range);
    case "fixedUp":
      return requantizeFixedUp(accumulator, stage.multipliers[channel]!, stage.range);
    case "float64":
      return requantizeFloat64(accumulator, stage.multipliers[channel]!, stage.range);
  }
}

/** Codes minus zero point: the exact operands of the integer sum. */
export function correctedCodes(tensor: Tensor, zeroPoint: number): Int16Array {
  return Int16Array.from(unpackCodes(tensor), (code) => code - zeroPoint);
}

/** Weights minus the zero point of their channel; channel = floor(i / inner) mod channels. */
export function correctedWeights(w: Tensor, zeroPoints: Int32Array, inner: number): Int16Array {
  const result = new Int16Array(unpackCodes(w));
  correctCodes(result, result, zeroPoints, inner);
  return result;
}

/**
 * The same for kernels that take bytes: int8 where every weight less its zero point fits, without a copy
 * where the tensor holds them as they are; else int16.
 */
export function compactWeights(
  w: Tensor,
  zeroPoints: Int32Array,
  inner: number,
): Int8Array | Int16Array {
  const codes = unpackCodes(w);
  const isSymmetric = zeroPoints.every((value) => value === 0);
  if (isSymmetric && codes instanceof Int8Array) return codes;
  const wide = new Int16Array(codes.length);
  if (correctCodes(codes, wide, zeroPoints, inner) > 127) return wide;
  return new Int8Array(wide);
}

/**
 * Writes codes less the zero points of their channels.
 * @returns more than 127 exactly where one of them does not fit int8
 */
function correctCodes(
  codes: Int8Array | Uint8Array | Int16Array,
  target: Int16Array,
  zeroPoints: Int32Array,
  inner: number,
): number {
  let bits = 0;
  let channel = 0;
  for (let start = 0; start < codes.length; start += inner) {
    const zeroPoint = zeroPoints[channel]!;
    const end = Math.min(start + inner, codes.length);
    for (let i = start; i < end; i++) {
      const weight = codes[i]! - zeroPoint;
      target[i] = weight;
      // ~weight = −weight − 1; the bits of all weights together are above 127 where one of them is.
      bits |= weight < 0 ? ~weight : weight;
    }
    channel = channel + 1 === zeroPoints.length ? 0 : channel + 1;
  }
  return bits;
}
