/** How windows of layers with minifloat weights become rows: packed by the product, or written out. */
import {
  convOperations,
  type GemmOperation,
  minifloatKernelName,
  type MinifloatOperand,
  minifloatOperands,
  type MinifloatPanels,
} from "../../kernels/index.ts";
import type { ConvGeometry } from "../../operators/index.ts";
import type { Pointer } from "../plan.ts";
import type { LowerContext } from "./context.ts";
import {
  borderPixel,
  describeWindow,
  hasContiguousRows,
  indirectionTable,
  windowFields,
} from "./conv-2d.ts";
import { gatherBytes } from "./gemm-step.ts";
import { operandFlip } from "./minifloat-operands.ts";
import type { Product } from "./minifloat-product.ts";
import { splitRows } from "./tiles.ts";

/** The form of `gemm.ts` that packs x in the same way. */
const PACKED_AS: Readonly<Record<MinifloatOperand, string>> = {
  f32: "f32_f32_5x8c1",
  i8: "i8_i8_4x8c2",
  x8: "x8_i8_6x8c4_relaxed",
  i16: "i8_i16_4x8c2",
};

/** `yStride`: bytes from pixel to pixel of y. */
export function windowPacking(
  context: LowerContext,
  geometry: ConvGeometry,
  { operand, weights, isMadd }: MinifloatPanels,
  yStride: number,
): Pick<Product, "operation" | "packing" | "packingBytes"> {
  const { filter, output, groups, inputChannels, depth, input } = geometry;
  const { elementBytes, unitElements } = minifloatOperands[operand];
  const taps = filter[0] * filter[1];
  const perGroup = inputChannels / groups;
  const operations = convOperations({
    form: PACKED_AS[operand],
    hasContiguousRows: hasContiguousRows(geometry),
    hasWholeUnits: perGroup % unitElements === 0,
    entries: output[0] * output[1] * taps,
  });
  const isForced = (operation: GemmOperation): boolean =>
    minifloatKernelName(operation, operand, weights, isMadd) === context.forced;
  const operation = operations.find(isForced) ?? operations[0]!;
  const border = operand === "x8" ? operandFlip(context) : 0;
  if (operation === "gemm") {
    const xStride = (taps === 1 ? inputChannels : depth) * elementBytes;
    return { operation, packing: { xStride }, packingBytes: 0 };
  }
  if (operation === "conv") {
    return {
      operation,
      packing: {
        ...windowFields(geometry, { elementBytes, border }),
        outHeight: output[0],
        outWidth: output[1],
        yRowStride: output[1] * yStride,
        yImageStride: output[0] * output[1] * yStride,
      },
      packingBytes: gatherBytes(taps * perGroup * elementBytes),
    };
  }
  const pixelBytes = inputChannels * elementBytes;
  return {
    operation,
    packing: {
      table: indirectionTable(context, geometry, pixelBytes),
      border: borderPixel(context, perGroup * elementBytes, border),
      taps,
      tapUnits: perGroup / unitElements,
      pixels: output[0] * output[1],
      xImageStride: input[0] * input[1] * pixelBytes,
    },
    packingBytes: 0,
  };
}

/** About 20 µs, in bytes of rows. */
const TILE_BYTES = 256 * 1024;

/** The windows of x, float32, as rows; those of a group lie together. */
export function windowRows(context: LowerContext, x: Pointer, geometry: ConvGeometry): Pointer {
  const { batch, output, input, filter, strides, dilations, border, groups } = geometry;
  const rowBytes = groups * geometry.depth * 4;
  const m = batch * output[0] * output[1];
  const y = context.temporary("windows", m * rowBytes);
  const { tileRows, tiles } = splitRows(m, rowBytes, TILE_BYTES);
  context.step({
    kernel: "windows_f32",
    fields: {
      ...{ x, y, m, tileRows, height: input[0], width: input[1] },
      ...{ channels: geometry.inputChannels, groups },
      ...{ outHeight: output[0], outWidth: output[1] },
      ...{ kernelHeight: filter[0], kernelWidth: filter[1] },
      ...{ strideY: strides[0], strideX: strides[1] },
      ...{ dilationY: dilations[0], dilationX: dilations[1], top: border.top, left: border.left },
    },
    tiles,
    note: describeWindow(geometry),
  });
  return y;
}
