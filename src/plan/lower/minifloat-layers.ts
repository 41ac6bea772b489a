/**
 * Conv2D and FullyConnected with minifloat weights: x as `minifloat-operands.ts` says, packed panels,
 * float32 results. Sums in an emulated accumulator take the kernels of ChunkedMatMul on windows as rows.
 */
import type { Minifloat } from "../../formats/index.ts";
import {
  convOperations,
  GEMM_NR,
  type GemmOperation,
  kernelTable,
  MINIFLOAT_TABLE_BYTES,
  minifloatKernelName,
  type MinifloatOperand,
  minifloatOperands,
  minifloatPanelBytes,
  type MinifloatPanels,
  minifloatPanelTable,
  minifloatUnits,
  minifloatWeightsOf,
  openPanelBytes,
  packMinifloatPanels,
} from "../../kernels/index.ts";
import {
  type Conv2DAttributes,
  type ConvGeometry,
  convGeometry,
  floatActivationRange,
  type FullyConnectedAttributes,
  fullyConnectedGeometry,
  integerUnit,
  layerMultipliers,
  layerValues,
  minifloatCodes,
  type OutputAttributes,
} from "../../operators/index.ts";
import { elementCount, packBits, type Tensor } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import { chunkedStep } from "./chunked-matmul.ts";
import { advance, type LowerContext } from "./context.ts";
import {
  borderPixel,
  describeWindow,
  hasContiguousRows,
  indirectionTable,
  windowFields,
} from "./conv-2d.ts";
import { gemmGrid } from "./gemm-grid.ts";
import { gatherBytes } from "./gemm-step.ts";
import { decodeStep, roundStep } from "./minifloat-codes.ts";
import { operandBytes, operandFlip, operandOfLayer, operandOfValue } from "./minifloat-operands.ts";
import { splitRows } from "./tiles.ts";

/** Input 0 in the form that the layer reads: where it lies, after a step that makes it if need be. */
export function layerInput(context: LowerContext, operand: MinifloatOperand): Pointer {
  const x = context.inputs[0]!;
  const id = context.node.inputs[0]!;
  if (x.format.name === "float32" || operandOfValue(context, id) === operand) {
    return context.input(0);
  }
  const format = x.format as Minifloat;
  const count = elementCount(x.shape);
  const values = context.temporary(`${format.name} as float32`, count * 4);
  decodeStep(context, format, context.input(0), values, count);
  if (operand === "f32") return values;
  const y = context.temporary(`${format.name} as ${operand}`, operandBytes(x, operand));
  roundStep(context, operand, { x: values, y, format, count, scale: 1 });
  return y;
}

/** One product with packed panels. */
interface Product {
  readonly operation: GemmOperation;
  readonly operand: MinifloatOperand;
  readonly x: Pointer;
  readonly y: Pointer;
  readonly m: number;
  readonly n: number;
  readonly yStride: number;
  readonly packing: Readonly<Record<string, number | Pointer>>;
  readonly packingBytes: number;
  readonly note: string;
}

/** Panels of all groups, and the table that opens them. */
interface PlacedPanels {
  readonly panels: MinifloatPanels;
  readonly table: Pointer;
  readonly places: readonly Pointer[];
}

function addPanels(
  context: LowerContext,
  operand: MinifloatOperand,
  { activation }: OutputAttributes,
  groups: number,
): PlacedPanels {
  const [x, type] = context.inputs;
  const w = context.constant(1)!;
  const format = type!.format as Minifloat;
  const channels = type!.shape[0]!;
  const depth = elementCount(type!.shape) / channels;
  const panels = { format, operand, weights: minifloatWeightsOf(format), depth };
  const columns = channels / groups;
  const size = Math.ceil(columns / GEMM_NR) * minifloatPanelBytes(panels);
  const unit = operand === "f32" ? 1 : integerUnit(format)! * integerUnit(x!.format)!;
  const all = context.addConstant("panels", groups * size, (target) => {
    const multipliers = layerMultipliers(x!, type!, channels);
    const sums = operand === "x8" ? channelSums(w, channels, integerUnit(format)!) : undefined;
    const range = floatActivationRange(activation);
    for (let group = 0; group < groups; group++) {
      packMinifloatPanels(target.subarray(group * size, (group + 1) * size), panels, {
        codes: minifloatCodes(w),
        pack: (codes) => (format.bits === 8 ? Uint8Array.from(codes) : packBits(format, codes)),
        columns,
        firstColumn: group * columns,
        start: (c) => (sums === undefined ? 0 : -operandFlip(context) * sums[c]!),
        scale: (c) => multipliers[c]! / unit,
        bias: context.constant(2)?.data as Float32Array | undefined,
        ...range,
      });
    }
  });
  const bytes = minifloatPanelTable(format, operand === "f32" ? undefined : integerUnit(format)!);
  const table =
    panels.weights === "w32"
      ? all
      : context.addConstant(format.name, MINIFLOAT_TABLE_BYTES, (target) => target.set(bytes));
  const places = Array.from({ length: groups }, (_, group) => advance(all, group * size));
  return { panels, table, places };
}

/** Σ of each channel's weights as integers. */
function channelSums(w: Tensor, channels: number, unit: number): Float64Array {
  const sums = new Float64Array(channels);
  const values = layerValues(w);
  const depth = values.length / channels;
  values.forEach((value, i) => (sums[Math.floor(i / depth)]! += value * unit));
  return sums;
}

/** Packed rows of x that share the second-level cache with one open panel. */
const STRIP_BYTES = 160 * 1024;
const MAX_STRIP_ROWS = 256;

/** Opening a panel is paid by the rows of a strip: more of them than where panels lie open. */
function stripRows(tileRows: number, rowBytes: number, mr: number): number {
  const fitting = Math.floor(STRIP_BYTES / rowBytes);
  const most = Math.min(Math.max(fitting, 2 * mr), MAX_STRIP_ROWS);
  return Math.ceil(tileRows / Math.ceil(tileRows / most) / mr) * mr;
}

function productStep(
  context: LowerContext,
  { panels, table }: PlacedPanels,
  w: Pointer,
  product: Product,
): void {
  const { operation, operand, m, n, packing, packingBytes, x, y, yStride, note } = product;
  const { depth } = panels;
  const units = minifloatUnits(panels);
  const rowBytes = Math.ceil((units * 4) / 16) * 16;
  const { rows: mr } = minifloatOperands[operand];
  const { tiles, ...grid } = gemmGrid({
    m,
    n,
    k: depth,
    rowBytes,
    mr,
    nr: GEMM_NR,
    elementBytes: 4,
  });
  const rows = stripRows(grid.tileRows, rowBytes, mr);
  const panel = Math.ceil((128 + rows * (4 + rowBytes) + 64 + packingBytes) / 16) * 16;
  const kernel = minifloatKernelName(operation, operand, panels.weights);
  // Fields of other kernels on the same block are 0.
  const unused = Object.fromEntries(kernelTable.get(kernel)!.parameters.map((name) => [name, 0]));
  context.step({
    kernel,
    fields: {
      ...unused,
      ...{ x, w, y, m, n, units, panelBytes: minifloatPanelBytes(panels), yStride },
      ...{ ...grid, stripRows: rows, codeTable: table, panel },
      ...packing,
    },
    tiles,
    macs: m * n * depth,
    scratchBytes: panel + openPanelBytes(panels),
    note,
  });
}

export function lowerMinifloatFullyConnected(
  context: LowerContext,
  attributes: FullyConnectedAttributes,
): boolean {
  const operand = operandOfLayer(context, context.node);
  if (operand === undefined) return false;
  const { rows, columns, depth } = fullyConnectedGeometry(context.inputs[0]!, context.inputs[1]!);
  const x = layerInput(context, operand);
  if (attributes.accumulate !== undefined) {
    accumulatedRows(context, attributes, { a: x, rows, columns, depth });
    return true;
  }
  const placed = addPanels(context, operand, attributes, 1);
  productStep(context, placed, placed.places[0]!, {
    ...{ operation: "gemm", operand, x, y: context.output(0), m: rows, n: columns },
    yStride: columns * 4,
    packing: { xStride: depth * minifloatOperands[operand].elementBytes },
    packingBytes: 0,
    note: `${rows}x${columns}x${depth}`,
  });
  return true;
}

export function lowerMinifloatConv2D(context: LowerContext, attributes: Conv2DAttributes): boolean {
  const operand = operandOfLayer(context, context.node);
  if (operand === undefined) return false;
  const geometry = convGeometry(context.inputs[0]!, context.inputs[1]!, attributes);
  const { batch, output, outputChannels, groups, inputChannels, depth } = geometry;
  const x = layerInput(context, operand);
  const pixels = batch * output[0] * output[1];
  if (attributes.accumulate !== undefined) {
    const a = hasContiguousRows(geometry) ? x : windowRows(context, x, geometry);
    accumulatedRows(context, attributes, { a, rows: pixels, columns: outputChannels, depth });
    return true;
  }
  const placed = addPanels(context, operand, attributes, groups);
  const packing = windowPacking(context, geometry, operand, placed.panels);
  const columns = outputChannels / groups;
  const groupBytes = (inputChannels / groups) * minifloatOperands[operand].elementBytes;
  placed.places.forEach((panels, group) => {
    productStep(context, placed, panels, {
      ...packing,
      operand,
      x: advance(x, group * groupBytes),
      y: advance(context.output(0), group * columns * 4),
      m: pixels,
      n: columns,
      yStride: outputChannels * 4,
      note: describeWindow(geometry),
    });
  });
  return true;
}

/** The form of `gemm.ts` that packs x in the same way. */
const PACKED_AS: Readonly<Record<MinifloatOperand, string>> = {
  f32: "f32_f32_4x8c1",
  i8: "i8_i8_4x8c2",
  x8: "x8_i8_5x8c4_relaxed",
  i16: "i8_i16_4x8c2",
};

function windowPacking(
  context: LowerContext,
  geometry: ConvGeometry,
  operand: MinifloatOperand,
  { weights }: MinifloatPanels,
): Pick<Product, "operation" | "packing" | "packingBytes"> {
  const { filter, output, groups, inputChannels, outputChannels, depth, input } = geometry;
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
    minifloatKernelName(operation, operand, weights) === context.forced;
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
        yRowStride: output[1] * outputChannels * 4,
        yImageStride: output[0] * output[1] * outputChannels * 4,
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

/** The windows of x, float32, as rows. */
function windowRows(context: LowerContext, x: Pointer, geometry: ConvGeometry): Pointer {
  const { batch, output, depth, input, filter, strides, dilations, border } = geometry;
  const m = batch * output[0] * output[1];
  const y = context.temporary("windows", m * depth * 4);
  const { tileRows, tiles } = splitRows(m, depth * 4, TILE_BYTES);
  context.step({
    kernel: "windows_f32",
    fields: {
      ...{ x, y, m, tileRows, height: input[0], width: input[1], channels: geometry.inputChannels },
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

interface Rows {
  readonly a: Pointer;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
}

function accumulatedRows(
  context: LowerContext,
  attributes: OutputAttributes,
  { a, rows, columns, depth }: Rows,
): void {
  const sums = context.temporary("sums", rows * columns * 4);
  const b = context.constant(1)!;
  chunkedStep(context, attributes.accumulate!, { a, b, y: sums, rows, columns, depth });
  scaleRows(context, attributes, sums, rows, columns);
}

/** Appends the step from sums to the output of a layer. */
export function scaleRows(
  context: LowerContext,
  { activation }: OutputAttributes,
  sums: Pointer,
  rows: number,
  channels: number,
): void {
  const [x, w] = context.inputs;
  const bias = context.constant(2)?.data as Float32Array | undefined;
  const floats = (label: string, values: () => Float32Array): Pointer =>
    context.addConstant(label, channels * 4, (target) =>
      new Float32Array(target.buffer, target.byteOffset, channels).set(values()),
    );
  const { tileRows, tiles } = splitRows(rows, channels * 8, TILE_BYTES);
  context.step({
    kernel: "scale_rows_f32",
    fields: {
      ...{ x: sums, y: context.output(0), m: rows, tileRows, channels },
      multipliers: floats("multipliers", () => layerMultipliers(x!, w!, channels)),
      biases: floats("biases", () => bias ?? new Float32Array(channels)),
      ...floatActivationRange(activation),
    },
    tiles,
    note: `${rows}x${channels}`,
  });
}
