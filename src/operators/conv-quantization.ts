/**
 * Quantization of convolutions and fully connected layers: the rules of `infer`, and the constants of
 * the output stage that references and kernels share (numerics.md, section 3).
 */
import { QuantizationError, ShapeError, UnsupportedError } from "../errors.ts";
import {
  checkQuantization,
  f32,
  type FixedMultiplier,
  INT32_MAX,
  INT32_MIN,
  type OutputRange,
  quantizeMultiplier,
  requantizeFixed,
  requantizeFixedUp,
  requantizeFloat64,
  requantizeFp32,
  type Rounding,
} from "../quantization/index.ts";
import { elementCount, type Tensor, type TensorType, unpackCodes } from "../tensor/index.ts";
import { activationRange } from "./activation-range.ts";
import { affine, checkFormat, checkMultiplier, requireConstant } from "./checks.ts";
import type { Activation } from "./operator.ts";

export const WEIGHT_FORMATS = ["int8", "uint8", "int4", "uint4", "int2", "uint2"] as const;

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
function weightChannels(
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
 * so that TFLite's default path runs its own kernel with its own rounding and range.
 */
function defaultQuantization(
  x: TensorType,
  w: TensorType,
  y: TensorType,
  activation: Activation,
): ConvQuantization {
  const [rule, rounding] =
    w.format.bits < 8 ? (["fixedUp", "tflite-reference"] as const) : (["fp32", "fp32"] as const);
  return quantization(rule, x, w, y, w.shape[0]!, activationRange(activation, y, rounding));
}

/** Conv2D with 8-bit activations: sections 3.1 and 3.2. */
export function conv2DQuantization(
  x: TensorType,
  w: TensorType,
  y: TensorType,
  activation: Activation,
  rounding: Rounding,
): ConvQuantization {
  return rounding === "fp32"
    ? defaultQuantization(x, w, y, activation)
    : convQuantization(x, w, y, w.shape[0]!, activation, rounding);
}

/** FullyConnected with 8-bit activations: sections 3.1 and 3.3. */
export function fullyConnectedQuantization(
  x: TensorType,
  w: TensorType,
  y: TensorType,
  activation: Activation,
  rounding: Rounding,
): ConvQuantization {
  return rounding === "fp32"
    ? defaultQuantization(x, w, y, activation)
    : quantization("float64", x, w, y, w.shape[0]!, activationRange(activation, y, rounding));
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
  const result = Int16Array.from(unpackCodes(w));
  if (zeroPoints.every((value) => value === 0)) return result;
  const channels = zeroPoints.length;
  for (let i = 0; i < result.length; i++) {
    result[i] = result[i]! - zeroPoints[Math.floor(i / inner) % channels]!;
  }
  return result;
}

/** The operands of a convolution as `infer` sees them. */
export interface ConvOperands {
  readonly x: TensorType;
  readonly w: TensorType;
  readonly bias: TensorType | undefined;
  readonly y: TensorType;
  readonly constantWeights: Tensor | undefined;
  readonly constantBias: Tensor | undefined;
  /** Output channels, the axis of their scales in w, and elements of w between two channels. */
  readonly channels: number;
  readonly channelAxis: number;
  readonly channelStride: number;
  readonly activation: Activation;
}

/** A bias has one value per output channel, int32 beside 8-bit operands, else float32. */
export function checkBias(bias: TensorType | undefined, channels: number, format: string): void {
  if (bias === undefined) return;
  checkFormat(bias, [format], "bias");
  if (elementCount(bias.shape) !== channels) {
    throw new ShapeError(`expected a bias of ${channels} values, got [${bias.shape.join(", ")}]`);
  }
}

/** The float32 form: weights, bias and output in float32. */
export function checkFloatConv(
  w: TensorType,
  bias: TensorType | undefined,
  y: TensorType,
  channels: number,
): void {
  checkFormat(y, ["float32"], "output");
  checkBias(bias, channels, "float32");
  if (w.format.name !== "float32") {
    throw new UnsupportedError(`float32 activations beside ${w.format.name} weights`);
  }
}

/** Weights of 8 bits or fewer: scales per tensor or one per output channel. */
export function checkWeightQuantization(w: TensorType, channels: number, axis: number): void {
  const quantization = w.quantization;
  if (quantization === undefined) {
    throw new QuantizationError(`expected ${w.format.name} weights with scales, got none`);
  }
  checkQuantization(quantization, w.format);
  const { scale, zeroPoint } = quantization;
  if (scale.length > 1 && (scale.length !== channels || quantization.axis !== axis)) {
    throw new QuantizationError(
      `expected ${channels} weight scales along axis ${axis}, got ${scale.length} along axis ${quantization.axis}`,
    );
  }
  if (w.format.kind === "signed" && zeroPoint.some((value) => value !== 0)) {
    throw new QuantizationError(
      `expected zero point 0 for ${w.format.name} weights, got ${zeroPoint.find((z) => z !== 0)}`,
    );
  }
}

/**
 * Every rule of the 8-bit form: formats, scales, multipliers, bias, and the proof that no sum leaves
 * int32.
 */
export function checkQuantizedConv(operands: ConvOperands): void {
  const { x, w, bias, y, channels, activation } = operands;
  checkFormat(y, [x.format.name], "output");
  checkFormat(w, WEIGHT_FORMATS, "weights");
  const { scale: inputScale } = affine(x, "input");
  const { scale: outputScale } = affine(y, "output");
  checkWeightQuantization(w, channels, operands.channelAxis);
  checkBias(bias, channels, "int32");
  const { scales, zeroPoints } = weightChannels(w, channels);
  for (const scale of scales) {
    const multiplier = f32(f32(inputScale * scale) / outputScale);
    checkMultiplier(multiplier, "multiplier s_x · s_w / s_y");
  }
  activationRange(activation, y, "fp32");
  checkLegacyBiasScale(operands, inputScale, outputScale);
  const weights = requireConstant(operands.constantWeights, `${w.format.name} weights`);
  const biases =
    bias === undefined ? undefined : requireConstant(operands.constantBias, "int32 bias");
  checkAccumulator(x, weights, biases, zeroPoints, operands.channelStride);
}

/** TFLite holds the bias of a uint8 layer to s_x · s_w; for int8 it ignores the stated scale. */
function checkLegacyBiasScale(
  { x, w, bias }: ConvOperands,
  inputScale: number,
  outputScale: number,
): void {
  const biasScale = bias?.quantization?.scale[0];
  if (x.format.name !== "uint8" || biasScale === undefined) return;
  const product = inputScale * w.quantization!.scale[0]!;
  if (!(Math.abs(product - biasScale) / outputScale <= 0.02)) {
    throw new QuantizationError(
      `expected a bias scale of ${product} (s_x · s_w), got ${biasScale}`,
    );
  }
}

/**
 * Proves per output channel that bias ± sum(|w1|) · max(|lo − z_x|, |hi − z_x|) lies in int32. The sum
 * is formed only where the bound of the formats alone does not prove it.
 */
function checkAccumulator(
  x: TensorType,
  w: Tensor,
  bias: Tensor | undefined,
  zeroPoints: Int32Array,
  channelStride: number,
): void {
  const channels = zeroPoints.length;
  const zeroPoint = x.quantization!.zeroPoint[0]!;
  const largestInput = Math.max(x.format.max - zeroPoint, zeroPoint - x.format.min);
  const depth = elementCount(w.type.shape) / channels;
  const span = w.type.format.max - w.type.format.min;
  const biases = bias?.data as Int32Array | undefined;
  const largestBias = biases?.reduce((most, value) => Math.max(most, Math.abs(value)), 0) ?? 0;
  if (depth * span * largestInput + largestBias < 2 ** 31) return;
  const weights = correctedWeights(w, zeroPoints, channelStride);
  const sums = new Float64Array(channels);
  for (let i = 0; i < weights.length; i++) {
    sums[Math.floor(i / channelStride) % channels]! += Math.abs(weights[i]!);
  }
  for (let c = 0; c < channels; c++) {
    const reach = sums[c]! * largestInput;
    const start = biases?.[c] ?? 0;
    if (start - reach < INT32_MIN || start + reach > INT32_MAX) {
      throw new UnsupportedError(
        `an accumulator past int32: expected sums within 2^31, got ${start} ± ${reach} in channel ${c}`,
      );
    }
  }
}
