/**
 * Windows over an image for AveragePool2D and MaxPool2D: geometry, rules and loops. Taps outside the
 * image take no part.
 */
import { ShapeError } from "../errors.ts";
import type { TensorType } from "../tensor/index.ts";
import { activationRange } from "./activation-range.ts";
import {
  checkActivation,
  checkCounts,
  checkFormat,
  checkImages,
  checkSharedQuantization,
  isQuantized8,
  outputType,
  requireInput,
} from "./checks.ts";
import type { Activation, Extent2D, Padding } from "./operator.ts";
import { tapsInside, type WindowGeometry, windowGeometry } from "./window.ts";

export interface PoolAttributes {
  readonly filter: Extent2D;
  readonly strides: Extent2D;
  readonly padding: Padding;
  readonly activation: Activation;
}

export interface PoolGeometry extends WindowGeometry {
  readonly batch: number;
  readonly channels: number;
}

/** @throws ShapeError a window that lies in the padding alone */
export function poolGeometry(x: TensorType, attributes: PoolAttributes): PoolGeometry {
  checkImages(x, "input");
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const { filter, strides, padding } = attributes;
  const geometry = windowGeometry([height, width], filter, strides, [1, 1], padding);
  const { top, bottom, left, right } = geometry.border;
  if (Math.max(top, bottom) >= filter[0] || Math.max(left, right) >= filter[1]) {
    throw new ShapeError(
      `expected padding below the window ${filter.join("x")}, got ${top}, ${bottom}, ${left}, ${right}`,
    );
  }
  return { ...geometry, batch, channels };
}

/** `infer` of both poolings: 8-bit input and output share scale and zero point. */
export function inferPool(
  inputs: readonly (TensorType | undefined)[],
  attributes: PoolAttributes,
  declared: readonly TensorType[],
): TensorType[] {
  checkCounts(inputs, [1, 1], declared);
  const x = requireInput(inputs, 0, "an input");
  const y = declared[0]!;
  checkFormat(x, ["float32", "int8", "uint8"], "input");
  checkFormat(y, [x.format.name], "output");
  checkActivation(attributes.activation);
  checkSharedQuantization([x, y]);
  if (isQuantized8(y.format)) activationRange(attributes.activation, y, "tflite-reference");
  const { batch, output, channels } = poolGeometry(x, attributes);
  return [outputType(y, [batch, ...output, channels])];
}

/** Reduces one window: `first` is its first element, rows and columns say how many lie inside. */
export type WindowRule<T> = (
  x: T,
  first: number,
  rows: number,
  columns: number,
  rowStride: number,
  columnStride: number,
) => number;

/** y = rule of the part of each window inside the image, per channel. */
export function eachWindow<T>(
  x: T,
  y: { [index: number]: number },
  geometry: PoolGeometry,
  rule: WindowRule<T>,
): void {
  const { batch, channels, input, output, filter, strides, border } = geometry;
  const [height, width] = input;
  const rowStride = width * channels;
  let index = 0;
  for (let n = 0; n < batch; n++) {
    for (let oy = 0; oy < output[0]; oy++) {
      const [top, bottom] = tapsInside(oy, height, filter[0], strides[0], 1, border.top);
      const iy = oy * strides[0] - border.top + top;
      for (let ox = 0; ox < output[1]; ox++) {
        const [left, right] = tapsInside(ox, width, filter[1], strides[1], 1, border.left);
        const ix = ox * strides[1] - border.left + left;
        const first = ((n * height + iy) * width + ix) * channels;
        for (let c = 0; c < channels; c++) {
          y[index++] = rule(x, first + c, bottom - top, right - left, rowStride, channels);
        }
      }
    }
  }
}
