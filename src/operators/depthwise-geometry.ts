/** Attributes and geometry of DepthwiseConv2D. */
import { ShapeError } from "../errors.ts";
import type { TensorType } from "../tensor/index.ts";
import { checkImages } from "./checks.ts";
import type { Conv2DAttributes } from "./conv-geometry.ts";
import type { Extent2D } from "./operator.ts";
import { type WindowGeometry, windowGeometry } from "./window.ts";

export type DepthwiseConv2DAttributes = Conv2DAttributes;

/** Geometry of x [N, H, W, C] with filters w [1, KH, KW, C · multiplier]. */
export interface DepthwiseGeometry extends WindowGeometry {
  readonly batch: number;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly multiplier: number;
}

/** @throws ShapeError ranks or channels that do not fit */
export function depthwiseGeometry(
  x: TensorType,
  w: TensorType,
  attributes: Pick<DepthwiseConv2DAttributes, "strides" | "dilations" | "padding">,
): DepthwiseGeometry {
  checkImages(x, "input");
  checkImages(w, "filters");
  const [batch, height, width, inputChannels] = x.shape as [number, number, number, number];
  const [first, filterHeight, filterWidth, outputChannels] = w.shape as typeof x.shape & number[];
  const multiplier = outputChannels! / inputChannels;
  if (first !== 1 || !Number.isInteger(multiplier)) {
    throw new ShapeError(
      `expected filters [1, KH, KW, multiple of ${inputChannels}], got [${w.shape.join(", ")}]`,
    );
  }
  const { strides, dilations, padding } = attributes;
  const filter: Extent2D = [filterHeight!, filterWidth!];
  return {
    ...windowGeometry([height, width], filter, strides, dilations, padding),
    batch,
    inputChannels,
    outputChannels: outputChannels!,
    multiplier,
  };
}
