/** Attributes and geometry of Conv2D. */
import { ShapeError } from "../errors.ts";
import { elementCount, type TensorType } from "../tensor/index.ts";
import { checkImages } from "./checks.ts";
import type { OutputAttributes } from "./conv-quantization.ts";
import type { Extent2D, Padding } from "./operator.ts";
import { type WindowGeometry, windowGeometry } from "./window.ts";

export interface Conv2DAttributes extends OutputAttributes {
  readonly strides: Extent2D;
  readonly dilations: Extent2D;
  readonly padding: Padding;
}

/** Geometry of a convolution of x [N, H, W, C] with filters w [O, KH, KW, C / groups]. */
export interface ConvGeometry extends WindowGeometry {
  readonly batch: number;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly groups: number;
  /** KH · KW · C / groups. */
  readonly depth: number;
}

/** @throws ShapeError ranks, channels or groups that do not fit */
export function convGeometry(
  x: TensorType,
  w: TensorType,
  attributes: Pick<Conv2DAttributes, "strides" | "dilations" | "padding">,
): ConvGeometry {
  checkImages(x, "input");
  checkImages(w, "filters");
  const [batch, height, width, inputChannels] = x.shape as [number, number, number, number];
  const [outputChannels, filterHeight, filterWidth, own] = w.shape as typeof x.shape & number[];
  const groups = inputChannels / own!;
  if (!Number.isInteger(groups) || outputChannels! % groups !== 0) {
    throw new ShapeError(
      `expected filters whose channels divide those of the input, got ${own} and ${inputChannels} channels for ${outputChannels} outputs`,
    );
  }
  const { strides, dilations, padding } = attributes;
  const filter: Extent2D = [filterHeight!, filterWidth!];
  return {
    ...windowGeometry([height, width], filter, strides, dilations, padding),
    batch,
    inputChannels,
    outputChannels: outputChannels!,
    groups,
    depth: elementCount(w.shape) / outputChannels!,
  };
}
