/** An image of another size, each pixel a weighted mean of up to four of the input. */
import { roundHalfEven } from "../formats/index.ts";
import { f32, type Rounding } from "../quantization/index.ts";
import { allocateTensor, type Tensor } from "../tensor/index.ts";
import { checkFormat, requireInput } from "./checks.ts";
import type { Operator } from "./operator.ts";
import { inferResize, type ResizeAttributes, resizeRatio } from "./resize.ts";

/** Input: x [N, H, W, C], float32, int8 or uint8. */
export const resizeBilinear: Operator<ResizeAttributes> = {
  name: "ResizeBilinear",
  infer(inputs, attributes, declared) {
    checkFormat(requireInput(inputs, 0, "an image"), ["float32", "int8", "uint8"], "an image");
    return inferResize(inputs, attributes, declared);
  },
  reference([x], attributes, { rounding, outputs }) {
    const y = allocateTensor(outputs[0]!);
    const [, h, w] = x!.type.shape as [number, number, number];
    const isFloat = x!.type.format.name === "float32";
    // Float results do not depend on the rule.
    const positions = isFloat ? floatPositions : integerPositions;
    const [height, width] = attributes.size;
    const rowAt = positions(h, height, attributes, rounding);
    const columnAt = positions(w, width, attributes, rounding);
    const rows = Array.from({ length: height }, (_, i) => rowAt(i));
    const columns = Array.from({ length: width }, (_, i) => columnAt(i));
    interpolate(x!, y, rows, columns, isFloat ? blendFloat : integerBlend(rounding));
    return [y];
  },
};

/** Neighbours low and high of one output position along one axis, and the weight of high. */
export interface LinearPosition {
  readonly low: number;
  readonly high: number;
  /** float32: 0 to 1. Integers: 0 to 2^weightBits. 0 where both neighbours are one. */
  readonly weight: number;
}

/** The position of output index i. */
export type LinearPositions = (i: number) => LinearPosition;

/** log2 of the weight that stands for 1 in the integer form. */
export function weightBits(rounding: Rounding): number {
  return rounding === "fp32" ? 11 : 10;
}

/** Rule fp32, and float32 tensors: positions in float32, clamped to the image. */
export function floatPositions(
  from: number,
  to: number,
  { alignCorners, halfPixelCenters }: ResizeAttributes,
): LinearPositions {
  const ratio = resizeRatio(from, to, alignCorners);
  const shift = halfPixelCenters ? f32(f32(0.5 * ratio) - 0.5) : 0;
  return (i) => {
    const position = Math.min(Math.max(f32(f32(i * ratio) + shift), 0), from - 1);
    const low = Math.trunc(position);
    const high = Math.min(low + 1, from - 1);
    return { low, high, weight: low === high ? 0 : f32(position - low) };
  };
}

/** Integer weights of either rule. */
export function integerPositions(
  from: number,
  to: number,
  attributes: ResizeAttributes,
  rounding: Rounding,
): LinearPositions {
  if (rounding === "tflite-reference") return fixedPositions(from, to, attributes);
  const positionAt = floatPositions(from, to, attributes);
  return (i) => {
    const { low, high, weight } = positionAt(i);
    return { low, high, weight: roundHalfEven(f32(weight * 2048)) };
  };
}

/**
 * Rule tflite-reference: positions in units of 1/1024. TFLite's weight may lie outside 0..1 where
 * low = high; any weight gives the same value there, so it is 0. Its low may pass the last pixel
 * when the ratio was rounded up; here it is clamped.
 */
function fixedPositions(
  from: number,
  to: number,
  { alignCorners, halfPixelCenters }: ResizeAttributes,
): LinearPositions {
  const j = alignCorners && to > 1 ? 1 : 0;
  const ratio = Math.trunc((1024 * (from - j) + Math.trunc((to - j) / 2)) / (to - j));
  const shift = halfPixelCenters ? Math.trunc(ratio / 2) - 512 : 0;
  return (i) => {
    const position = i * ratio + shift;
    const low = Math.min(Math.max(Math.trunc(position / 1024), 0), from - 1);
    const high = Math.min(Math.trunc((position + 1023) / 1024), from - 1);
    return { low, high, weight: low === high ? 0 : position - 1024 * low };
  };
}

/** The value between a and b above, c and d below, with weights x of the right, y of the lower. */
type Blend = (a: number, b: number, c: number, d: number, x: number, y: number) => number;

function blendFloat(a: number, b: number, c: number, d: number, x: number, y: number): number {
  const upper = f32(a + f32(f32(b - a) * x));
  const lower = f32(c + f32(f32(d - c) * x));
  return f32(upper + f32(f32(lower - upper) * y));
}

/**
 * Ties: rule fp32 toward +infinity, rule tflite-reference away from zero.
 * The largest sum is 255 · 2^22 + 2^21 < 2^31.
 */
function integerBlend(rounding: Rounding): Blend {
  const one = 1 << weightBits(rounding);
  const half = (one * one) / 2;
  return (a, b, c, d, x, y) => {
    const upper = a * (one - x) + b * x;
    const lower = c * (one - x) + d * x;
    const sum = upper * (one - y) + lower * y;
    if (rounding === "fp32") return Math.floor((sum + half) / (one * one));
    return Math.trunc((sum + (sum > 0 ? half : -half)) / (one * one));
  };
}

function interpolate(
  x: Tensor,
  y: Tensor,
  rows: readonly LinearPosition[],
  columns: readonly LinearPosition[],
  blend: Blend,
): void {
  const [n, h, w, c] = x.type.shape as [number, number, number, number];
  let written = 0;
  for (let image = 0; image < n; image++) {
    const at = (row: number, column: number, channel: number) =>
      Number(x.data[((image * h + row) * w + column) * c + channel]);
    for (const row of rows) {
      for (const column of columns) {
        for (let channel = 0; channel < c; channel++) {
          (y.data as Float32Array | Int8Array | Uint8Array)[written++] = blend(
            at(row.low, column.low, channel),
            at(row.low, column.high, channel),
            at(row.high, column.low, channel),
            at(row.high, column.high, channel),
            column.weight,
            row.weight,
          );
        }
      }
    }
  }
}
