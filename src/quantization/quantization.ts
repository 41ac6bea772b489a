import { QuantizationError } from "../errors.ts";
import type { Format } from "../formats/index.ts";

/**
 * real = (code − zeroPoint) · scale. One scale: per tensor. Several: per channel along `axis`, or per
 * run of `blockSize` elements along it. Immutable; scales are float32 values.
 */
export interface Quantization {
  readonly granularity: "perTensor" | "perChannel" | "perBlock";
  readonly scale: Float32Array;
  readonly zeroPoint: Int32Array;
  /** The axis of the scales, 0 for perTensor. */
  readonly axis: number;
  /** perBlock: elements of a block; the last block of a row may be shorter. */
  readonly blockSize?: number;
}

export function perTensor(scale: number, zeroPoint: number): Quantization {
  return {
    granularity: "perTensor",
    scale: Float32Array.of(scale),
    zeroPoint: Int32Array.of(zeroPoint),
    axis: 0,
  };
}

export function perChannel(
  scale: ArrayLike<number>,
  zeroPoint: ArrayLike<number>,
  axis: number,
): Quantization {
  return {
    granularity: "perChannel",
    scale: new Float32Array(scale),
    zeroPoint: new Int32Array(zeroPoint),
    axis,
  };
}

/**
 * Blocks: real = code · scale. Scales are row-major in the shape of the tensor, whose extent along
 * `axis` is divided by `blockSize` and rounded up.
 */
export function perBlock(scale: ArrayLike<number>, axis: number, blockSize: number): Quantization {
  return {
    granularity: "perBlock",
    scale: Float32Array.from(scale),
    zeroPoint: new Int32Array(scale.length),
    axis,
    blockSize,
  };
}

/** Number of scales of a tensor, or undefined where the axis does not exist. */
export function scaleCount(
  { granularity, axis, blockSize = 1 }: Quantization,
  shape: readonly number[],
): number | undefined {
  if (granularity === "perTensor") return 1;
  const extent = shape[axis];
  if (extent === undefined || granularity === "perChannel") return extent;
  return shape.toSpliced(axis, 1, Math.ceil(extent / blockSize)).reduce((a, b) => a * b, 1);
}

/** Smallest normal float32. */
const MIN_SCALE = 2 ** -126;
/** Smallest E8M0. */
const MIN_BLOCK_SCALE = 2 ** -127;

/** Every scale finite, normal and above 0; every zero point inside the format. */
export function checkQuantization(quantization: Quantization, format: Format): void {
  const { scale, zeroPoint } = quantization;
  if (scale.length === 0 || scale.length !== zeroPoint.length) {
    throw new QuantizationError(
      `expected one zero point per scale and at least one scale, got ${scale.length} scales and ${zeroPoint.length} zero points`,
    );
  }
  const least = quantization.granularity === "perBlock" ? MIN_BLOCK_SCALE : MIN_SCALE;
  for (const value of scale) {
    if (!(value >= least && value < Infinity)) {
      throw new QuantizationError(`expected a finite normal scale above 0, got ${value}`);
    }
  }
  if (format.kind === "float") {
    if (zeroPoint.every((value) => value === 0)) return;
    throw new QuantizationError(`expected zero points of 0 in ${format.name}`);
  }
  for (const value of zeroPoint) {
    if (value < format.min || value > format.max) {
      throw new QuantizationError(
        `expected a zero point in [${format.min}, ${format.max}] (${format.name}), got ${value}`,
      );
    }
  }
}

/** The same granularity, scales and zero points. */
export function sameQuantization(
  a: Quantization | undefined,
  b: Quantization | undefined,
): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.granularity === b.granularity &&
    (a.granularity === "perTensor" || a.axis === b.axis) &&
    a.blockSize === b.blockSize &&
    a.scale.length === b.scale.length &&
    a.scale.every((value, i) => value === b.scale[i]) &&
    a.zeroPoint.every((value, i) => value === b.zeroPoint[i])
  );
}
