/** One matrix product as a step: where its operands lie, how it is cut, what scratch it takes. */
import { freedBytes, type GemmOperation, gemmKernelName } from "../../kernels/index.ts";
import type { Pointer } from "../plan.ts";
import { isShared, type LowerContext, type StepRequest } from "./context.ts";
import { gemmGrid } from "./gemm-grid.ts";
import type { GemmWeights } from "./gemm-weights.ts";

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

/** Scratch of `assembly/conv.ts`: 4 windows gathered before they are interleaved, and their slack. */
export function gatherBytes(windowBytes: number): number {
  return 4 * (Math.ceil(windowBytes / 16) * 16 + 32) + SLACK_BYTES;
}
