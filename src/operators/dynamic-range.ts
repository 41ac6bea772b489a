/**
 * Float activations beside integer weights: TFLite's dynamic-range ("hybrid") convolution and fully
 * connected layer. The input is quantized to 8 bits at run time, part by part; the sum is an exact
 * int32; the result is float32 again:
 *
 *   y = activation(f32(f32(f32(acc) · f32(s_x · s_w[c])) + bias[c]))
 *
 * | rule             | part                                        | range                            |
 * |------------------|---------------------------------------------|----------------------------------|
 * | fp32             | image; pixel of a 1×1 convolution of stride | min(x, 0) … max(x, 0), as XNNPACK |
 * |                  | 1; row of a fully connected layer           |                                  |
 * | tflite-reference | image; row of a fully connected layer       | ±max|x|; with weights per        |
 * |                  |                                             | channel min(x, 0) … max(x, 0)    |
 *
 * Measured with weights per tensor: tflite-reference against the stored activations of the
 * convolutions of a network (largest difference 1e-7 of the range), fp32 against its outputs (3e-6).
 * The forms with weights per channel and the fully connected ones follow the sources, unmeasured.
 */
import { UnsupportedError } from "../errors.ts";
import { roundHalfEven } from "../formats/index.ts";
import { f32, roundHalfAway, type Rounding, saturate } from "../quantization/index.ts";
import type { Tensor, TensorType } from "../tensor/index.ts";
import { checkFormat, requireConstant } from "./checks.ts";
import type { ConvGeometry } from "./conv-geometry.ts";
import { checkBias, checkWeightQuantization } from "./conv-checks.ts";

/** Codes with their zero point removed, and the scale of each part. */
export interface DynamicCodes {
  readonly codes: Int16Array;
  readonly scales: Float32Array;
}

/** Weight formats of the form: zero point 0. */
const HYBRID_FORMATS = ["int8", "int4", "int2", "ternary", "binary"] as const;

/** True for float32 activations beside integer weights. */
export function isDynamicRange(x: TensorType, w: TensorType): boolean {
  return x.format.name === "float32" && w.format.kind !== "float";
}

/** Rules of the form besides shapes; the sum is bounded by depth · 255 · 128 < 2^31. */
export function checkDynamicRange(
  w: TensorType,
  bias: TensorType | undefined,
  y: TensorType,
  channels: number,
  depth: number,
  constantWeights: Tensor | undefined,
): void {
  checkFormat(y, ["float32"], "output");
  checkFormat(w, HYBRID_FORMATS, "weights");
  checkWeightQuantization(w, channels, 0);
  checkBias(bias, channels, "float32");
  requireConstant(constantWeights, `${w.format.name} weights`);
  if (depth * 255 * 128 >= 2 ** 31) {
    throw new UnsupportedError(`an accumulator past int32: a sum of ${depth} products`);
  }
}

/** True where every output reads the input pixel of its own position. */
function isPointwise({ filter, strides, input, output, groups }: ConvGeometry): boolean {
  return (
    groups === 1 &&
    [...filter, ...strides].every((extent) => extent === 1) &&
    input.every((extent, i) => extent === output[i])
  );
}

/** Parts of the input of a convolution that are quantized on their own: images, or their pixels. */
export function dynamicParts(geometry: ConvGeometry, rounding: Rounding): number {
  const { batch, output } = geometry;
  const isPerPixel = rounding === "fp32" && isPointwise(geometry);
  return isPerPixel ? batch * output[0] * output[1] : batch;
}

/** Quantizes each of `parts` equal parts of x on its own. */
export function quantizeDynamically(
  x: Float32Array,
  parts: number,
  w: TensorType,
  rounding: Rounding,
): DynamicCodes {
  const codes = new Int16Array(x.length);
  const scales = new Float32Array(parts);
  const size = x.length / parts;
  const quantize =
    rounding === "fp32"
      ? quantizeDefault
      : w.quantization!.scale.length === 1
        ? quantizeSymmetric
        : quantizeAsymmetric;
  for (let i = 0; i < parts; i++) {
    const from = i * size;
    scales[i] = quantize(x.subarray(from, from + size), codes.subarray(from, from + size));
  }
  return { codes, scales };
}

/** Smallest and largest of x and 0; NaN takes no part. */
function extremes(x: Float32Array): [low: number, high: number] {
  let low = 0;
  let high = 0;
  for (const value of x) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** RHA, NaN as 0. */
function round(value: number): number {
  return Number.isNaN(value) ? 0 : roundHalfAway(value);
}

/** XNNPACK's: codes per unit k = f32(255 / (high − low)), zero point at the more precise end. */
function quantizeDefault(x: Float32Array, target: Int16Array): number {
  const [low, high] = extremes(x);
  const perUnit = low === high ? 1 : f32(255 / f32(high - low));
  const lowCodes = f32(low * perUnit);
  const highCodes = f32(high * perUnit);
  const isLowPrecise = f32(f32(-128 + lowCodes) + f32(127 + highCodes)) > 0;
  const exact = isLowPrecise ? f32(-128 - lowCodes) : f32(127 - highCodes);
  const zeroPoint = roundHalfEven(saturate(exact, -128, 127));
  for (let i = 0; i < x.length; i++) {
    const steps = f32(x[i]! * perUnit);
    target[i] = Number.isNaN(steps)
      ? 0
      : roundHalfEven(saturate(steps, -128 - zeroPoint, 127 - zeroPoint));
  }
  return f32(1 / perUnit);
}

/** q = RHA(f32(x · f32(127 / r))) within ±127, r = max|x|; the scale is f32(r / 127), 1 for r = 0. */
function quantizeSymmetric(x: Float32Array, target: Int16Array): number {
  const [low, high] = extremes(x);
  const range = Math.max(-low, high);
  if (range === 0) return 1;
  const inverse = f32(127 / range);
  for (let i = 0; i < x.length; i++) {
    target[i] = saturate(round(f32(x[i]! * inverse)), -127, 127);
  }
  return f32(range / 127);
}

/**
 * The zero point is that of the end of the range with the smaller rounding error, in float64, then
 * q = RHA(f32(z + f32(x · f32(1 / s)))) within int8; `target` gets q − z.
 */
function quantizeAsymmetric(x: Float32Array, target: Int16Array): number {
  const [low, high] = extremes(x);
  if (low === high) return 1;
  const step = (high - low) / 255;
  const lowError = 128 + Math.abs(low / step);
  const highError = 127 + Math.abs(high / step);
  const exact = lowError < highError ? -128 - low / step : 127 - high / step;
  const zeroPoint = saturate(round(exact), -128, 127);
  const scale = f32(step);
  const inverse = f32(1 / scale);
  for (let i = 0; i < x.length; i++) {
    const code = saturate(round(f32(zeroPoint + f32(x[i]! * inverse))), -128, 127);
    target[i] = code - zeroPoint;
  }
  return scale;
}

/** The scale of weight channel c. */
export function weightScale(w: TensorType, c: number): number {
  const { scale } = w.quantization!;
  return scale.length === 1 ? scale[0]! : scale[c]!;
}

/** f32(f32(f32(acc) · f32(s_x · s_w)) + bias). */
export function dequantizeSum(sum: number, scale: number, weight: number, bias: number): number {
  return f32(f32(f32(sum) * f32(scale * weight)) + bias);
}
