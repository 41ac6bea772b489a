/**
 * What `infer` asks of the operands of convolutions and fully connected layers, in integers and in
 * float32 (docs/exactness.md, sections 3 and 6).
 */
import { ModelError, QuantizationError, ShapeError, UnsupportedError } from "../errors.ts";
import { ternary } from "../formats/index.ts";
import { checkQuantization, f32, INT32_MAX, INT32_MIN } from "../quantization/index.ts";
import { elementCount, type Tensor, type TensorType } from "../tensor/index.ts";
import { activationRange } from "./activation-range.ts";
import { affine, checkFormat, checkMultiplier, requireConstant } from "./checks.ts";
import { correctedWeights, WEIGHT_FORMATS, weightChannels } from "./conv-quantization.ts";
import type { Activation } from "./operator.ts";
import { checkBlocks, hasBlocks } from "./weight-blocks.ts";

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
  /** Whether the operator takes weights in blocks. */
  readonly allowsBlocks?: boolean;
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
  if (hasBlocks(w)) throw new UnsupportedError(`${w.format.name} weights in blocks here`);
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
 * Every rule of the integer form: formats, scales, multipliers, bias, and the proof that no sum leaves
 * int32.
 */
export function checkQuantizedConv(operands: ConvOperands): void {
  const { x, w, bias, y, channels, activation } = operands;
  checkFormat(y, x.format.bits < 8 ? ["int8", "uint8"] : [x.format.name], "output");
  checkFormat(w, WEIGHT_FORMATS, "weights");
  const { scale: inputScale } = affine(x, "input");
  const { scale: outputScale } = affine(y, "output");
  if (operands.allowsBlocks === true && hasBlocks(w)) {
    checkBlocks(x, w, y);
    checkBias(bias, channels, "float32");
    activationRange(activation, y, "fp32");
    const codes = requireConstant(operands.constantWeights, `${w.format.name} weights`);
    if (w.format === ternary) checkTernaryCodes(codes);
    if (bias !== undefined) requireConstant(operands.constantBias, "float32 bias");
    return;
  }
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
  if (w.format === ternary) checkTernaryCodes(weights);
  const biases =
    bias === undefined ? undefined : requireConstant(operands.constantBias, "int32 bias");
  checkAccumulator(x, weights, biases, zeroPoints, operands.channelStride);
}

/** The sums of kernels rely on |w| ≤ 1: the code of −2 (binary 10) must not occur. */
function checkTernaryCodes({ data }: Tensor): void {
  for (let i = 0; i < data.length; i++) {
    const byte = Number(data[i]);
    if ((byte & 0xaa & ~((byte & 0x55) << 1)) !== 0) {
      throw new ModelError("expected ternary weights of -1, 0 and 1, got -2");
    }
  }
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
