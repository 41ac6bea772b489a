/** Products of layers with minifloat weights: their panels in memory, and the step that multiplies. */
import { isMinifloat, type Minifloat } from "../../formats/index.ts";
import {
  GEMM_NR,
  type GemmOperation,
  hasExactProducts,
  kernelTable,
  MINIFLOAT_TABLE_BYTES,
  minifloatKernelName,
  type MinifloatOperand,
  minifloatPanelBytes,
  type MinifloatPanels,
  minifloatPanelTable,
  minifloatTile,
  minifloatUnits,
  type MinifloatWeights,
  minifloatWeightsOf,
  openPanelBytes,
  packMinifloatPanels,
  panelCodes,
  type UnitSteps,
} from "../../kernels/index.ts";
import {
  floatActivationRange,
  hasBlocks,
  inputUnit,
  integerUnit,
  layerMultipliers,
  layerValues,
  minifloatCodes,
  type OutputAttributes,
} from "../../operators/index.ts";
import { elementCount, packBits, type Tensor, type TensorType } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import { advance, hasMadd, isShared, type LowerContext } from "./context.ts";
import { type GemmGrid, gemmGrid } from "./gemm-grid.ts";
import { operandFlip } from "./minifloat-operands.ts";
import type { LayerResults } from "./minifloat-results.ts";
import { splitRows } from "./tiles.ts";

/** One product with packed panels. */
export interface Product {
  readonly operation: GemmOperation;
  readonly operand: MinifloatOperand;
  readonly x: Pointer;
  readonly m: number;
  readonly n: number;
  /** The first of its columns among the results'. */
  readonly column: number;
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
  const weights = minifloatWeightsOf(type!);
  const tap = hasBlocks(type!) && weights !== "w32" ? type!.shape.at(-1) : undefined;
  const isMadd = operand === "f32" && takesMadd(context, x!, type!);
  const panels: MinifloatPanels = { format, operand, weights, depth, tap, isMadd };
  const columns = channels / groups;
  const size = Math.ceil(columns / GEMM_NR) * minifloatPanelBytes(panels);
  const unit = operand === "f32" ? 1 : integerUnit(format)! * inputUnit(x!.format)!;
  const all = context.addConstant("panels", groups * size, (target) => {
    const multipliers = layerMultipliers(x!, type!, channels);
    const sums = operand === "x8" ? channelSums(w, channels, integerUnit(format)!) : undefined;
    const range = floatActivationRange(activation);
    for (let group = 0; group < groups; group++) {
      packMinifloatPanels(target.subarray(group * size, (group + 1) * size), panels, {
        elements: weights === "w32" ? layerValues(w) : minifloatCodes(w),
        pack: (codes) => (format.bits === 8 ? Uint8Array.from(codes) : packBits(format, codes)),
        columns,
        firstColumn: group * columns,
        start: (c) =>
          (units?.starts[c] ?? 0) - (sums === undefined ? 0 : operandFlip(context) * sums[c]!),
        blockScales: type!.quantization?.scale ?? new Float32Array(0),
        scale: (c) => units?.multipliers[c] ?? multipliers[c]! / unit,
        bias: units?.biases ?? (context.constant(2)?.data as Float32Array | undefined),
        ...range,
      });
    }
  });
  const table =
    panels.weights === "w32"
      ? all
      : context.addConstant(format.name, MINIFLOAT_TABLE_BYTES, (target) => {
          const unit = integerUnit(format) ?? 1;
          target.set(minifloatPanelTable(panels, unit, minifloatCodes(w)));
        });
  const places = Array.from({ length: groups }, (_, group) => advance(all, group * size));
  return { panels, table, places };
}

/** Whether products may be added by one instruction: those of numbers of both formats, without scales, are exact. */
function takesMadd(context: LowerContext, x: TensorType, w: TensorType): boolean {
  const { machine, forced, mayFuse } = context;
  // Where it rounds twice, it is two instructions that spill six rows of sums.
  if (!hasMadd(machine) || forced?.endsWith("c1") === true) return false;
  if (mayFuse) return true;
  if (!isMinifloat(x.format) || !isMinifloat(w.format)) return false;
  return !hasBlocks(w) && hasExactProducts(x.format, w.format);
}

/** Σ of each channel's weights as integers. */
function channelSums(w: Tensor, channels: number, unit: number): Float64Array {
  const sums = new Float64Array(channels);
  const values = layerValues(w);
  const depth = values.length / channels;
  values.forEach((value, i) => (sums[Math.floor(i / depth)]! += value * unit));
  return sums;
}

/** Panels of one tile that opens them, in weights: some 10 µs. */
const TILE_WEIGHTS = 128 * 1024;

/**
 * Panels for the relaxed dot: where several strips of rows would open each of them, a step opens them all,
 * as bytes that live as long as the layer.
 */
export function readyPanels(
  context: LowerContext,
  placed: PlacedPanels,
  extents: Pick<Product, "m" | "n" | "results">,
): PlacedPanels {
  const { panels, table, places } = placed;
  const { forced } = context;
  if (panels.operand !== "x8" || forced?.includes("_x8_m") === true) return placed;
  const { tileRows } = productGrid(context, panels, extents);
  const { rows: mr } = minifloatTile(panels.operand, panels.isMadd);
  const isRepeated = extents.m > openingRows(tileRows, packedRowBytes(panels), mr);
  if (!isRepeated && forced?.includes("_x8_w8") !== true) return placed;
  const opened: MinifloatPanels = { ...panels, weights: "w8" };
  const openBytes = minifloatPanelBytes(opened);
  const perGroup = Math.ceil(extents.n / GEMM_NR);
  const count = perGroup * places.length;
  const y = context.temporary("open panels", count * openBytes);
  const { tileRows: tilePanels, tiles } = splitRows(count, panelCodes(panels), TILE_WEIGHTS);
  context.step({
    kernel: `open_${panels.weights}_i8_relaxed`,
    fields: {
      ...{ x: places[0]!, y, codeTable: table, panels: count, tilePanels },
      ...{ units: minifloatUnits(panels), panelBytes: minifloatPanelBytes(panels), openBytes },
      bits: panels.format.bits,
    },
    tiles,
    note: panels.format.name,
  });
  return {
    panels: opened,
    table,
    places: places.map((_, group) => advance(y, group * perGroup * openBytes)),
  };
}

/** Cycles to open a weight. */
const OPEN_CYCLES = 0.5;

function productGrid(
  { machine }: LowerContext,
  panels: MinifloatPanels,
  { m, n, results: { elementBytes } }: Pick<Product, "m" | "n" | "results">,
): GemmGrid {
  const { rows: mr } = minifloatTile(panels.operand, panels.isMadd);
  const rowBytes = packedRowBytes(panels);
  return gemmGrid({
    ...{ m, n, k: panels.depth, rowBytes, mr, nr: GEMM_NR, elementBytes },
    // Panels of the relaxed dot are opened once for all blocks of rows (`readyPanels`).
    ...(panels.operand === "x8" ? {} : { weightCycles: OPEN_CYCLES }),
    isShared: isShared(machine),
  });
}

function packedRowBytes(panels: MinifloatPanels): number {
  return Math.ceil((minifloatUnits(panels) * 4) / 16) * 16;
}

/** Packed rows of x that share the second-level cache with one open panel. */
const STRIP_BYTES = 160 * 1024;
const MAX_STRIP_ROWS = 256;

/** Opening a panel is paid by the rows of a strip: more of them than where panels lie open. */
function openingRows(tileRows: number, rowBytes: number, mr: number): number {
  const fitting = Math.floor(STRIP_BYTES / rowBytes);
  const most = Math.min(Math.max(fitting, 2 * mr), MAX_STRIP_ROWS);
  return Math.ceil(tileRows / Math.ceil(tileRows / most) / mr) * mr;
}

/** Bits of weights that lie in memory as they are multiplied. */
const openBits: Partial<Record<MinifloatWeights, number>> = { w8: 8, w32: 32 };

/** Appends the product of x with one group of panels. */
export function productStep(
  context: LowerContext,
  { panels, table }: PlacedPanels,
  w: Pointer,
  product: Product,
): void {
  const { operation, operand, m, n, packing, packingBytes, x, note } = product;
  const { elementBytes, fields } = product.results;
  const { pointer, stride: yStride } = product.results.y;
  const y = advance(pointer, product.column * elementBytes);
  const { depth, weights } = panels;
  const units = minifloatUnits(panels);
  const rowBytes = packedRowBytes(panels);
  const { rows: mr } = minifloatTile(operand, panels.isMadd);
  const { tiles, ...grid } = productGrid(context, panels, product);
  const rows = weights === "w8" ? grid.stripRows : openingRows(grid.tileRows, rowBytes, mr);
  const panel = Math.ceil((128 + rows * (4 + rowBytes) + 64 + packingBytes) / 16) * 16;
  const kernel = minifloatKernelName(operation, operand, weights, panels.isMadd);
  // Fields of other kernels on the same block are 0.
  const unused = Object.fromEntries(kernelTable.get(kernel)!.parameters.map((name) => [name, 0]));
  context.step({
    kernel,
    fields: {
      ...unused,
      ...{ x, w, y, m, n, units, panelBytes: minifloatPanelBytes(panels), yStride },
      ...{ ...grid, stripRows: rows, codeTable: table, panel },
      weightBits: openBits[weights] ?? panels.format.bits,
      ...packing,
      ...fields,
    },
    tiles,
    macs: m * n * depth,
    scratchBytes: panel + openPanelBytes(panels),
    note,
  });
}
