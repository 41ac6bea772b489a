/** What the lowerings of the matrix-product family share: operands, panels, the common fields. */
import {
  floatPanelBytes,
  GEMM_NR,
  gemmKernelName,
  type GemmOperands,
  type GemmOperation,
  gemmRules,
  gemmTileRows,
  gemmUnitElements,
  integerPanelBytes,
  integerUnits,
  packFloatPanels,
  packIntegerPanels,
  type PanelLayout,
} from "../../kernels/index.ts";
import {
  type Activation,
  type ConvQuantization,
  compactWeights,
  floatActivationRange,
} from "../../operators/index.ts";
import { elementCount, type Tensor } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import { advance, hasDot, type LowerContext, type StepRequest } from "./context.ts";
import { gemmGrid } from "./gemm-grid.ts";

/** `units · rows` of a strip are behind these bytes and the row offsets; see `assembly/gemm.ts`. */
const ACCUMULATOR_BYTES = 128;
const OFFSET_BYTES = 4;
const UNIT_BYTES = 4;
/** What packing may write behind a strip. */
const SLACK_BYTES = 64;

/** The weights and constants of a product, whatever their format: [columns][depth] and a bias. */
export interface GemmWeights {
  readonly operands: GemmOperands;
  readonly depth: number;
  /** Elements of depth in one unit. */
  readonly unitElements: 1 | 2 | 4;
  /** Units of one packed row, and bytes from panel to panel. */
  readonly units: number;
  readonly panelBytes: number;
  /** Bytes of an element of x and y. */
  readonly elementBytes: number;
  /** The byte of a border cell. */
  readonly border: number;
  /** Fields of `OutputParameters` but y. */
  readonly output: Readonly<Record<string, number>>;
  /** Reads the weights and gives the function that writes panels: of columns [first, first + columns). */
  packer(): (target: Uint8Array, firstColumn: number, columns: number) => void;
}

/** Picks and orders the weights of a product: [columns][elements in w] → [columns][depth]. */
export type WeightOrder = <T extends Int8Array | Int16Array | Float32Array>(weights: T) => T;

/** Integer weights: codes less their zero point, as int8 where they fit. */
export function integerWeights(
  context: LowerContext,
  w: Tensor,
  depth: number,
  quantization: ConvQuantization,
  order: WeightOrder = (weights) => weights,
): GemmWeights {
  const bias = context.constant(2)?.data as Int32Array | undefined;
  const { weightZeroPoints, output } = quantization;
  const perColumn = elementCount(w.type.shape) / weightZeroPoints.length;
  const compact = () => compactWeights(w, weightZeroPoints, perColumn);
  const isSymmetric = weightZeroPoints.every((value) => value === 0);
  const fitsInt8 = (isSymmetric && w.type.format.max <= 127) || compact() instanceof Int8Array;
  const form = operandForm(context, quantization.inputZeroPoint, fitsInt8);
  const unitElements = gemmUnitElements(form.operands);
  const layout: PanelLayout = {
    unitElements: unitElements === 4 ? 4 : 2,
    weightBytes: fitsInt8 ? 1 : 2,
  };
  const units = integerUnits(depth, layout);
  // uint8 results are computed as int8 codes, 128 lower, and flipped at the store.
  const isUnsigned = context.outputs[0]!.format.name === "uint8";
  const shift = isUnsigned ? 128 : 0;
  const { zeroPoint, low, high } = output.range;
  return {
    operands: form.operands,
    unitElements,
    depth,
    units,
    panelBytes: integerPanelBytes(units, layout, output.rule),
    elementBytes: 1,
    border: quantization.inputZeroPoint & 0xff,
    output: {
      zeroPoint: zeroPoint - shift,
      low: low - shift,
      high: high - shift,
      flip: isUnsigned ? 0x80 : 0,
      rule: gemmRules[output.rule],
    },
    packer: () => {
      const weights = order(compact());
      const matrix = { weights, depth, bias, inputZeroPoint: form.zeroPoint, output };
      return (target, firstColumn, columns) =>
        packIntegerPanels(target, { ...matrix, columns, firstColumn }, layout);
    },
  };
}

/**
 * How the kernel reads activations, and their zero point in that reading. The relaxed dot takes bytes
 * as unsigned (`usdot`) or signed (`sdot`): codes of the other kind are flipped, which moves them, and
 * their zero point, by 128.
 */
function operandForm(
  { inputs, machine, forced }: LowerContext,
  zeroPoint: number,
  fitsInt8: boolean,
): { operands: GemmOperands; zeroPoint: number } {
  const isUnsigned = inputs[0]!.format.name === "uint8";
  if (!fitsInt8 || !hasDot(machine) || forced?.endsWith("c2") === true) {
    return { operands: `${isUnsigned ? "u8" : "i8"}_${fitsInt8 ? "i8" : "i16"}`, zeroPoint };
  }
  if (isUnsigned === (machine.dot === "usdot")) return { operands: "x8_i8", zeroPoint };
  return { operands: "f8_i8", zeroPoint: zeroPoint + (isUnsigned ? -128 : 128) };
}

export function floatWeights(
  w: Tensor,
  bias: Tensor | undefined,
  depth: number,
  activation: Activation,
  order: WeightOrder = (weights) => weights,
): GemmWeights {
  const { low, high } = floatActivationRange(activation);
  return {
    operands: "f32_f32",
    unitElements: 1,
    depth,
    units: depth,
    panelBytes: floatPanelBytes(depth),
    elementBytes: 4,
    border: 0,
    // The clamp of floats lies in the panel.
    output: { zeroPoint: 0, low: 0, high: 0, flip: 0, rule: 0 },
    packer: () => {
      const weights = order(w.data as Float32Array);
      const matrix = { weights, depth, bias: bias?.data as Float32Array | undefined, low, high };
      return (target, firstColumn, columns) =>
        packFloatPanels(target, { ...matrix, columns, firstColumn });
    },
  };
}

export function panelsBytes(weights: GemmWeights, columns: number): number {
  return Math.ceil(columns / GEMM_NR) * weights.panelBytes;
}

/** One product y[m, n]: where its operands lie, and how its rows are packed. */
export interface GemmProduct {
  readonly operation: GemmOperation;
  readonly weights: GemmWeights;
  readonly x: Pointer;
  readonly panels: Pointer;
  readonly y: Pointer;
  readonly m: number;
  readonly n: number;
  /** Bytes from row to row of y. */
  readonly yStride: number;
  /** The fields of the operation's block behind the common ones. */
  readonly packing: Readonly<Record<string, number | Pointer>>;
  /** Bytes of scratch that packing takes beside the strip. */
  readonly packingBytes: number;
  readonly note: string;
}

/** Appends the step of a product. */
export function gemmStep(context: LowerContext, product: GemmProduct): void {
  const { operation, weights, m, n, yStride, packing, packingBytes, note } = product;
  const { units, depth, panelBytes, output, operands } = weights;
  // Byte rows are copied in steps of 16.
  const rowBytes = Math.ceil((units * UNIT_BYTES) / 16) * 16;
  const mr = gemmTileRows(operands);
  const { tiles, ...grid } = gemmGrid({
    m,
    n,
    k: depth,
    rowBytes,
    mr,
    elementBytes: weights.elementBytes,
  });
  const { x, y, panels: w } = product;
  const request: StepRequest = {
    kernel: gemmKernelName(operation, operands),
    fields: { ...output, x, w, y, m, n, units, panelBytes, yStride, ...grid, ...packing },
    tiles,
    macs: m * n * depth,
    scratchBytes:
      ACCUMULATOR_BYTES + grid.stripRows * (OFFSET_BYTES + rowBytes) + SLACK_BYTES + packingBytes,
    note,
  };
  context.step(request);
}

/** Places the panels of columns [first, first + columns) of each of `groups` groups in one constant. */
export function addPanels(
  context: LowerContext,
  weights: GemmWeights,
  groups: number,
  columns: number,
): Pointer[] {
  const size = panelsBytes(weights, columns);
  const all = context.addConstant("panels", groups * size, (target) => {
    const pack = weights.packer();
    for (let group = 0; group < groups; group++) {
      pack(target.subarray(group * size, (group + 1) * size), group * columns, columns);
    }
  });
  return Array.from({ length: groups }, (_, group) => advance(all, group * size));
}

/** Scratch of `assembly/conv.ts`: 4 windows gathered before they are interleaved, and their slack. */
export function gatherBytes(windowBytes: number): number {
  return 4 * (Math.ceil(windowBytes / 16) * 16 + 32) + SLACK_BYTES;
}
