/**
 * Conv2D on the matrix-product family: rows of x where windows are contiguous, else windows packed
 * through an indirection table or copied per strip. One step per group of channels.
 */
import { selectConvKernel } from "../../kernels/index.ts";
import {
  type Conv2DAttributes,
  type ConvGeometry,
  convGeometry,
  conv2DQuantization,
  dynamicParts,
} from "../../operators/index.ts";
import type { Pointer } from "../plan.ts";
import { advance, type LowerContext } from "./context.ts";
import { gatherBytes, type GemmProduct, gemmStep } from "./gemm-step.ts";
import { addPanels, type GemmWeights } from "./gemm-weights.ts";
import { layerProduct, productOperands } from "./layer-product.ts";
import { MAX_GROUPS } from "./narrowing.ts";
import { lowerWinograd } from "./winograd.ts";

export function lowerConv2D(context: LowerContext, attributes: Conv2DAttributes): boolean {
  const operands = productOperands(context);
  if (operands === undefined) return false;
  const { x, w, narrowing } = operands;
  const geometry = convGeometry(x, w.type, attributes);
  if (geometry.groups > MAX_GROUPS) return false;
  if (lowerWinograd(context, attributes, geometry, narrowing)) return true;
  const { depth, outputChannels, groups, batch, output } = geometry;
  const m = batch * output[0] * output[1];
  const { activation } = attributes;
  const parts = dynamicParts(geometry, context.rounding);
  const shape = { m, channels: outputChannels, depth, parts, activation };
  const quantization = () =>
    conv2DQuantization(x, w.type, context.outputs[0]!, attributes, context.rounding);
  const wholeRows = groups === 1 ? m : undefined;
  const product = layerProduct(context, operands, shape, quantization, wholeRows);
  if (product === undefined) return false;
  const { weights } = product;
  const columns = outputChannels / groups;
  const panels = addPanels(context, weights, groups, columns);
  const rowBytes = outputChannels * weights.elementBytes;
  const rows =
    product.y === undefined
      ? context.outputRows(0, rowBytes)
      : { pointer: product.y, stride: rowBytes };
  const packing = windowPacking(context, geometry, weights, rows.stride);
  const tapBytes = (geometry.inputChannels / groups) * weights.elementBytes;
  for (let group = 0; group < groups; group++) {
    gemmStep(context, {
      ...packing,
      weights,
      x: advance(product.x, group * tapBytes),
      panels: panels[group]!,
      y: advance(rows.pointer, group * columns * weights.elementBytes),
      m,
      n: columns,
      yStride: rows.stride,
      note: describeWindow(geometry),
    });
  }
  product.finish?.();
  return true;
}

export function describeWindow({ filter, strides, input, inputChannels }: ConvGeometry): string {
  return `${filter.join("x")} s${strides[0]} ${input.join("x")}x${inputChannels}`;
}

type Packing = Pick<GemmProduct, "operation" | "packing" | "packingBytes">;

/** Chooses how windows become rows, and gives the fields of that choice. */
function windowPacking(
  context: LowerContext,
  geometry: ConvGeometry,
  weights: GemmWeights,
  yStride: number,
): Packing {
  const { filter, output, groups, inputChannels, depth } = geometry;
  const { elementBytes } = weights;
  const taps = filter[0] * filter[1];
  const tapBytes = (inputChannels / groups) * elementBytes;
  const { operation } = selectConvKernel(
    {
      form: weights.form.name,
      hasContiguousRows: hasContiguousRows(geometry),
      hasWholeUnits: (inputChannels / groups) % weights.form.unitElements === 0,
      entries: output[0] * output[1] * taps,
    },
    context.forced,
  );
  if (operation === "gemm") {
    const xStride = taps === 1 ? inputChannels : depth;
    return { operation, packing: { xStride: xStride * elementBytes }, packingBytes: 0 };
  }
  if (operation === "conv") {
    return {
      operation,
      packing: {
        ...windowFields(geometry, weights),
        outHeight: output[0],
        outWidth: output[1],
        yRowStride: output[1] * yStride,
        yImageStride: output[0] * output[1] * yStride,
      },
      packingBytes: gatherBytes(taps * tapBytes),
    };
  }
  const pixelBytes = inputChannels * elementBytes;
  return {
    operation,
    packing: {
      table: indirectionTable(context, geometry, pixelBytes),
      border: borderPixel(context, tapBytes, weights.border),
      taps,
      tapUnits: inputChannels / groups / weights.form.unitElements,
      pixels: output[0] * output[1],
      xImageStride: geometry.input[0] * geometry.input[1] * pixelBytes,
    },
    packingBytes: 0,
  };
}

/** Fields of `ConvParameters` that describe the window over x. */
export function windowFields(
  { input, filter, strides, dilations, border, inputChannels, groups }: ConvGeometry,
  { elementBytes, border: borderByte }: Pick<GemmWeights, "elementBytes" | "border">,
): Record<string, number> {
  return {
    height: input[0],
    width: input[1],
    xStride: inputChannels * elementBytes,
    channelBytes: (inputChannels / groups) * elementBytes,
    kernelHeight: filter[0],
    kernelWidth: filter[1],
    strideY: strides[0],
    strideX: strides[1],
    dilationY: dilations[0],
    dilationX: dilations[1],
    top: border.top,
    left: border.left,
    border: borderByte,
  };
}

/** True where the windows of x are its rows: nothing to gather. */
export function hasContiguousRows(geometry: ConvGeometry): boolean {
  const { input, output, filter, strides, border, groups } = geometry;
  const hasBorder = border.top + border.bottom + border.left + border.right > 0;
  if (hasBorder) return false;
  const isPointwise = filter[0] * filter[1] === 1 && strides[0] === 1 && strides[1] === 1;
  const isWholeImage =
    groups === 1 && output[0] * output[1] === 1 && filter[0] === input[0] && filter[1] === input[1];
  return isPointwise || isWholeImage;
}

/** One pixel of border cells, as long as a tap. */
export function borderPixel(context: LowerContext, tapBytes: number, border: number): Pointer {
  return context.addConstant("border", tapBytes, (target) => void target.fill(border));
}

/** Byte offset in an image of x of each tap of each output pixel, −1 outside. */
export function indirectionTable(
  context: LowerContext,
  { input, output, filter, strides, dilations, border }: ConvGeometry,
  pixelBytes: number,
): Pointer {
  const taps = filter[0] * filter[1];
  const entries = output[0] * output[1] * taps;
  return context.addConstant("taps", entries * 4, (target) => {
    const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
    let offset = 0;
    for (let oy = 0; oy < output[0]; oy++) {
      for (let ox = 0; ox < output[1]; ox++) {
        for (let tap = 0; tap < taps; tap++) {
          const iy = oy * strides[0] - border.top + Math.floor(tap / filter[1]) * dilations[0];
          const ix = ox * strides[1] - border.left + (tap % filter[1]) * dilations[1];
          const isInside = iy >= 0 && iy < input[0] && ix >= 0 && ix < input[1];
          view.setInt32(offset, isInside ? (iy * input[1] + ix) * pixelBytes : -1, true);
          offset += 4;
        }
      }
    }
  });
}
