/** Products of layers with minifloat weights: their panels in memory, and the step that multiplies. */
import type { Minifloat } from "../../formats/index.ts";
import {
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
  type UnitSteps,
} from "../../kernels/index.ts";
import {
  floatActivationRange,
  inputUnit,
  integerUnit,
  layerMultipliers,
  layerValues,
  minifloatCodes,
  type OutputAttributes,
} from "../../operators/index.ts";
import { elementCount, packBits, type Tensor } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import { advance, type LowerContext } from "./context.ts";
import { gemmGrid } from "./gemm-grid.ts";
import { operandFlip } from "./minifloat-operands.ts";
import type { LayerResults } from "./minifloat-results.ts";

/** One product with packed panels. */
export interface Product {
  readonly operation: GemmOperation;
  readonly operand: MinifloatOperand;
  readonly x: Pointer;
  readonly y: Pointer;
  readonly m: number;
  readonly n: number;
  /** Bytes from row to row of y. */
  readonly yStride: number;
  readonly results: LayerResults;
  readonly packing: Readonly<Record<string, number | Pointer>>;
  readonly packingBytes: number;
  readonly note: string;
}

/** Panels of all groups, and the table that opens them. */
export interface PlacedPanels {
  readonly panels: MinifloatPanels;
  readonly table: Pointer;
  readonly places: readonly Pointer[];
}

export function addPanels(
  context: LowerContext,
  operand: MinifloatOperand,
  { activation }: OutputAttributes,
  groups: number,
  units?: UnitSteps,
): PlacedPanels {
  const [x, type] = context.inputs;
  const w = context.constant(1)!;
  const format = type!.format as Minifloat;
  const channels = type!.shape[0]!;
  const depth = elementCount(type!.shape) / channels;
  const panels = { format, operand, weights: minifloatWeightsOf(format), depth };
  const columns = channels / groups;
  const size = Math.ceil(columns / GEMM_NR) * minifloatPanelBytes(panels);
  const unit = operand === "f32" ? 1 : integerUnit(format)! * inputUnit(x!.format)!;
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
        scale: (c) => units?.multipliers[c] ?? multipliers[c]! / unit,
        bias: units?.biases ?? (context.constant(2)?.data as Float32Array | undefined),
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

/** Appends the product of x with one group of panels. */
export function productStep(
  context: LowerContext,
  { panels, table }: PlacedPanels,
  w: Pointer,
  product: Product,
): void {
  const { operation, operand, m, n, packing, packingBytes, x, y, yStride, note } = product;
  const { elementBytes, fields } = product.results;
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
    elementBytes,
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
      ...fields,
    },
    tiles,
    macs: m * n * depth,
    scratchBytes: panel + openPanelBytes(panels),
    note,
  });
}
