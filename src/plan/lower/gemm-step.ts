/** What the lowerings of the matrix-product family share: operands, panels, the common fields. */
import {
  floatPanelBytes,
  flushes,
  freedBytes,
  type GemmForm,
  gemmKernelName,
  type GemmOperation,
  gemmRules,
  integerPanelBytes,
  integerUnits,
  lowBitPanelBytes,
  lowBitUnits,
  packedBits,
  packFloatPanels,
  packIntegerPanels,
  packLowBitPanels,
  packSplitPanels,
  type PanelLayout,
  selectFloatForm,
  selectForm,
  splitPanelBytes,
  splitUnits,
} from "../../kernels/index.ts";
import {
  type Activation,
  type ConvQuantization,
  compactWeights,
  floatActivationRange,
} from "../../operators/index.ts";
import { elementCount, type Tensor } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import {
  advance,
  hasDot,
  isShared,
  type LowerContext,
  type Machine,
  type StepRequest,
} from "./context.ts";
import { gemmGrid } from "./gemm-grid.ts";
import type { Narrowing } from "./narrowing.ts";
import { splitAgain } from "./split-weights.ts";
import { weightCodes } from "./weight-codes.ts";

/** `units · rows` of a strip are behind these bytes and the row offsets; see `assembly/gemm.ts`. */
const ACCUMULATOR_BYTES = 128;
const OFFSET_BYTES = 4;
const UNIT_BYTES = 4;
/** What packing may write behind a strip. */
const SLACK_BYTES = 64;
/** Scratch of packed weights, as in `assembly/low-bit.ts`: sums, and what is freed behind a panel. */
const SUMS_BYTES = 512;
const FREED_SLACK_BYTES = 512;
const TABLE_BYTES = 16;
/** Cycles of a value's share of its table. */
const TABLE_CYCLES = 0.6;

/** The weights and constants of a product, whatever their format: [columns][depth] and a bias. */
export interface GemmWeights {
  readonly form: GemmForm;
  readonly depth: number;
  /** Units of one packed row, and bytes from panel to panel. */
  readonly units: number;
  readonly panelBytes: number;
  /** Bytes that a panel takes behind its weights when it is freed, if they are many. */
  readonly freedTailBytes?: number;
  /** Bytes of an element of x and y. */
  readonly elementBytes: number;
  /** The byte of a border cell. */
  readonly border: number;
  /** Fields of `OutputParameters` but y. */
  readonly output: Readonly<Record<string, number>>;
  /** Fields that say how weights and activations below 8 bits are read. */
  readonly lowBit: Readonly<Record<string, number>>;
  /** Reads the weights and gives the function that writes panels: of columns [first, first + columns). */
  packer(): (target: Uint8Array, firstColumn: number, columns: number) => void;
}

/** Picks and orders the weights of a product: [columns][elements in w] → [columns][depth]. */
export type WeightOrder = <T extends Int8Array | Int16Array | Float32Array>(weights: T) => T;

/** Integer weights: codes less their zero point, packed as they came, as int8, or as int16. */
export function integerWeights(
  context: LowerContext,
  w: Tensor,
  depth: number,
  quantization: ConvQuantization,
  { order = (weights) => weights, narrowing, rows }: IntegerOptions = {},
): GemmWeights {
  const bias = context.constant(2)?.data as Int32Array | undefined;
  const { weightZeroPoints, output, inputZeroPoint } = quantization;
  const channels = weightZeroPoints.length;
  const perColumn = elementCount(w.type.shape) / channels;
  const compact = () => compactWeights(w, weightZeroPoints, perColumn);
  const codes = weightCodes(w, weightZeroPoints, compact);
  const isUnsignedInput = context.inputs[0]!.format.name === "uint8";
  const { machine } = context;
  const canSplit = codes.bits >= 8 && narrowing === undefined;
  const again = canSplit
    ? splitAgain(context, rows, () => order(compact()), channels, depth)
    : undefined;
  const form = selectForm(
    {
      activations: narrowing !== undefined ? "narrow" : isUnsignedInput ? "uint8" : "int8",
      largestActivation: narrowing?.fields.narrowHigh,
      weightBits: codes.bits,
      isSplit: again !== undefined,
      depth,
      columns: channels,
      isa: machine.isa,
      dot: dotOf(machine),
    },
    context.forced,
  );
  const isLow = form.weightBits < 8;
  const isSplit = form.method === "split";
  const layout: PanelLayout = {
    unitElements: form.unitElements === 4 ? 4 : 2,
    weightBytes: form.weightBits === 16 ? 2 : 1,
  };
  const units = isLow
    ? lowBitUnits(depth, form)
    : isSplit
      ? splitUnits(depth)
      : integerUnits(depth, layout);
  // uint8 results are computed as int8 codes, 128 lower, and flipped at the store.
  const isUnsigned = context.outputs[0]!.format.name === "uint8";
  const shift = isUnsigned ? 128 : 0;
  const { zeroPoint, low, high } = output.range;
  const offset = form.weightBits === 1 ? 1 : codes.offset;
  const isSmall = form.method === "dot" && scalesStaySmall(output, bias, depth, compact);
  return {
    form,
    depth,
    units,
    panelBytes: isLow
      ? lowBitPanelBytes(units, form, output.rule)
      : isSplit
        ? splitPanelBytes(units, again!, output.rule)
        : integerPanelBytes(units, layout, output.rule),
    elementBytes: 1,
    border: (narrowing?.border ?? inputZeroPoint) & 0xff,
    output: {
      zeroPoint: zeroPoint - shift,
      low: low - shift,
      high: high - shift,
      flip: isUnsigned ? 0x80 : 0,
      rule: gemmRules[isSmall ? "smallFp32" : output.rule],
    },
    lowBit: {
      ...noLowBit,
      ...(isLow
        ? {
            weightBits: packedBits(form),
            weightOffset: offset,
            ...flushes(form, codes.largest, narrowing?.fields.narrowHigh),
          }
        : {}),
      ...narrowing?.fields,
    },
    packer: () => {
      const weights = order(compact());
      const matrix = {
        weights,
        depth,
        bias,
        inputZeroPoint: inputZeroPoint + inputShift(form, isUnsignedInput),
        output,
      };
      return (target, firstColumn, columns) => {
        const part = { ...matrix, columns, firstColumn };
        if (isLow) packLowBitPanels(target, part, form, offset);
        else if (isSplit) packSplitPanels(target, part, again!);
        else packIntegerPanels(target, part, layout);
      };
    },
  };
}

interface IntegerOptions {
  readonly order?: WeightOrder;
  /** What packing does to activations first. */
  readonly narrowing?: Narrowing | undefined;
  /** Rows of the product, where all its columns are packed at once. */
  readonly rows?: number | undefined;
}

/** The class of a dot that is one exact instruction. */
export function dotOf(machine: Machine): "usdot" | "sdot" | undefined {
  return hasDot(machine) ? (machine.dot as "usdot" | "sdot") : undefined;
}

export const noLowBit = {
  weightBits: 8,
  weightOffset: 0,
  narrowFlip: 0,
  narrowMultiplier: 0,
  narrowAddend: 0,
  narrowHigh: 0,
  flushSteps: 0,
  widenFlushes: 0,
};

/** What the kernel's reading of a byte adds to its code: a flipped byte is another code, 128 away. */
export function inputShift({ name, method }: GemmForm, isUnsigned: boolean): number {
  const isFlipped = name.startsWith("f8") || (method === "deep" && name.startsWith("u8"));
  return isFlipped ? (isUnsigned ? -128 : 128) : 0;
}

/** Largest |accumulator · multiplier| that rule `smallFp32` rounds. */
const MAX_SCALED = 2 ** 22 - 1;
/** Largest |x − zeroPoint|. */
const LARGEST_TERM = 255;

/**
 * Whether |accumulator · multiplier| < 2^22 for any input: by the largest int8 weights, which is nearly
 * always enough, or else by the weights of each column.
 */
export function scalesStaySmall(
  output: ConvQuantization["output"],
  bias: Int32Array | undefined,
  depth: number,
  weights: () => Int8Array | Int16Array,
): boolean {
  if (output.rule !== "fp32") return false;
  const isSmall = (multiplier: number, column: number, weightSum: number) =>
    (LARGEST_TERM * weightSum + Math.abs(bias?.[column] ?? 0)) * multiplier <= MAX_SCALED;
  if (output.multipliers.every((multiplier, n) => isSmall(multiplier, n, 128 * depth))) return true;
  const all = weights();
  return output.multipliers.every((multiplier, n) => {
    let sum = 0;
    for (let k = n * depth; k < (n + 1) * depth; k++) sum += Math.abs(all[k]!);
    return isSmall(multiplier, n, sum);
  });
}

interface FloatOptions {
  readonly order?: WeightOrder;
  readonly form?: GemmForm;
}

export function floatWeights(
  context: LowerContext,
  w: Tensor,
  bias: Tensor | undefined,
  depth: number,
  activation: Activation,
  {
    order = (weights) => weights,
    form = selectFloatForm(depth, context.forced),
  }: FloatOptions = {},
): GemmWeights {
  const { low, high } = floatActivationRange(activation);
  return {
    form,
    depth,
    units: depth,
    panelBytes: floatPanelBytes(depth),
    elementBytes: 4,
    border: 0,
    // The clamp of floats lies in the panel.
    output: { zeroPoint: 0, low: 0, high: 0, flip: 0, rule: 0 },
    lowBit: noLowBit,
    packer: () => {
      const weights = order(w.data as Float32Array);
      const matrix = { weights, depth, bias: bias?.data as Float32Array | undefined, low, high };
      return (target, firstColumn, columns) =>
        packFloatPanels(target, { ...matrix, columns, firstColumn });
    },
  };
}

export function panelsBytes(weights: GemmWeights, columns: number): number {
  return Math.ceil(columns / weights.form.columns) * weights.panelBytes;
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
  const { units, depth, panelBytes, output, lowBit, form } = weights;
  // Byte rows are copied in steps of 16.
  const rowBytes = Math.ceil((units * UNIT_BYTES) / 16) * 16;
  const tableBytes = form.method === "tables" ? units * TABLE_BYTES : 0;
  const { tiles, ...grid } = gemmGrid({
    m,
    n,
    k: depth,
    rowBytes: Math.max(rowBytes, tableBytes),
    mr: form.rows,
    nr: form.columns,
    elementBytes: weights.elementBytes,
    isShared: isShared(context.machine),
    ...(form.method === "tables" ? { packCycles: TABLE_CYCLES } : {}),
  });
  const { x, y, panels: w } = product;
  const { stripRows } = grid;
  const packBytes =
    ACCUMULATOR_BYTES + stripRows * (OFFSET_BYTES + rowBytes) + SLACK_BYTES + packingBytes;
  const lowBitScratch = Math.ceil(packBytes / 16) * 16;
  const lowBitBytes =
    form.weightBits < 8
      ? SUMS_BYTES +
        stripRows * (4 + tableBytes) +
        freedBytes(units, form) +
        (weights.freedTailBytes ?? 0) +
        FREED_SLACK_BYTES
      : 0;
  const request: StepRequest = {
    kernel: gemmKernelName(operation, form.name),
    fields: {
      ...output,
      ...lowBit,
      lowBitScratch,
      x,
      w,
      y,
      m,
      n,
      units,
      panelBytes,
      yStride,
      ...grid,
      ...packing,
    },
    tiles,
    macs: m * n * depth,
    scratchBytes: lowBitScratch + lowBitBytes,
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
