/**
 * Weights with a scale for each block of `blockSize` neighbours along their last axis, the input channels
 * of one tap (docs/exactness.md, section 3.6). The exact sum of each block becomes float32:
 *
 *     S_b = Σ_{k in b} (x[k] − z_x) · w[k]           int32, exact
 *     t   = Σ_b f32(S_b) · s_b                       float32, one rounding a product and a sum, b ascending
 *     y   = RNE(clamp(f32(f32(t · m) + b'))) + z_y   m = f32(s_x / s_y), b' = f32(bias / s_y)
 *
 * The bias is float32: no scale is common to the blocks. Both rules compute this.
 */
import { QuantizationError, UnsupportedError } from "../errors.ts";
import { checkQuantization, f32, type OutputRange, saturate } from "../quantization/index.ts";
import { roundHalfEven } from "../formats/index.ts";
import { type Tensor, type TensorType, unpackCodes } from "../tensor/index.ts";
import { activationRange } from "./activation-range.ts";
import { affine, checkFormat, checkMultiplier } from "./checks.ts";
import type { Activation } from "./operator.ts";

/** The scales of a layer's weights, and how sums become codes. */
export interface BlockStage {
  readonly inputZeroPoint: number;
  /** Row-major in the shape of the weights, whose last extent is that of `tap` in blocks. */
  readonly scales: Float32Array;
  /** Weights of a tap, and of one of its blocks; the last of them may have fewer. */
  readonly tap: number;
  readonly blockSize: number;
  /** m. */
  readonly multiplier: number;
  /** s_y. */
  readonly outputScale: number;
  readonly range: OutputRange;
}

export function hasBlocks({ quantization }: TensorType): boolean {
  return quantization?.granularity === "perBlock";
}

export function blockStage(
  x: TensorType,
  w: TensorType,
  y: TensorType,
  activation: Activation,
): BlockStage {
  const { scale, blockSize } = w.quantization!;
  const outputScale = affine(y, "output").scale;
  return {
    inputZeroPoint: affine(x, "input").zeroPoint,
    scales: scale,
    tap: w.shape.at(-1)!,
    blockSize: blockSize!,
    multiplier: f32(affine(x, "input").scale / outputScale),
    outputScale,
    range: activationRange(activation, y, "fp32"),
  };
}

/** Formats of weights in blocks: zero point 0, packed below 8 bits. */
const BLOCK_FORMATS = ["int4", "int2", "ternary", "binary"] as const;

/** Largest sum of a block, 2^31, times all its scales must stay finite in float32. */
const MAX_SCALE_SUM = 2 ** 90;

/** @throws QuantizationError, UnsupportedError */
export function checkBlocks(x: TensorType, w: TensorType, y: TensorType): void {
  checkFormat(w, BLOCK_FORMATS, "weights in blocks");
  const quantization = w.quantization!;
  checkQuantization(quantization, w.format);
  const { axis, blockSize, scale } = quantization;
  if (axis !== w.shape.length - 1 || blockSize === undefined || blockSize < 1) {
    throw new QuantizationError(
      `expected blocks along axis ${w.shape.length - 1}, got blocks of ${String(blockSize)} along axis ${axis}`,
    );
  }
  const sum = scale.reduce((all, value) => all + value, 0);
  if (sum > MAX_SCALE_SUM)
    throw new QuantizationError(`expected smaller scales, got ${sum} in all`);
  const multiplier = f32(affine(x, "input").scale / affine(y, "output").scale);
  checkMultiplier(multiplier, "multiplier s_x / s_y");
  if (blockSize * 255 * 8 >= 2 ** 31) {
    throw new UnsupportedError(`an accumulator past int32: a block of ${blockSize} products`);
  }
}

/** t of one output of a channel. `x`: its inputs less their zero point; `weights`: of all channels. */
function sumBlocks(
  x: Int16Array,
  weights: Int8Array | Uint8Array,
  channel: number,
  { scales, tap, blockSize }: BlockStage,
): number {
  const from = channel * x.length;
  let block = (channel * x.length * Math.ceil(tap / blockSize)) / tap;
  let total = 0;
  for (let first = 0; first < x.length; first += tap) {
    for (let start = first; start < first + tap; start += blockSize) {
      const end = Math.min(start + blockSize, first + tap);
      let sum = 0;
      for (let k = start; k < end; k++) sum += x[k]! * weights[from + k]!;
      total = f32(total + f32(f32(sum) * scales[block++]!));
    }
  }
  return total;
}

/** Gives the code of an output of a channel from its inputs, less their zero point. */
export function blockCodes(
  w: Tensor,
  bias: Tensor | undefined,
  stage: BlockStage,
): (x: Int16Array, channel: number) => number {
  const { multiplier, outputScale, range } = stage;
  const { low, high, zeroPoint } = range;
  const weights = unpackCodes(w);
  const biases = (bias?.data as Float32Array | undefined)?.map((value) => value / outputScale);
  return (x, channel) => {
    const total = sumBlocks(x, weights, channel, stage);
    const value = f32(f32(total * multiplier) + (biases?.[channel] ?? 0));
    return roundHalfEven(saturate(value, low - zeroPoint, high - zeroPoint)) + zeroPoint;
  };
}
