/**
 * Panels of weights below 8 bits (`assembly/low-bit.ts`): the bytes of a panel, in the order in which
 * its tile reads them, as codes u = w + offset of 4, 2 or 1 bits.
 *
 *     pairs   │ [unit][8 columns][2 k]             codes │ int32 bias[8] │ multipliers │
 *     quads   │ [unit][8 columns][4 k]             codes │ int32 bias[8] │ multipliers │
 *     tables  │ [unit][plane][16 columns] nibbles of 4 k │ twice: int32 bias[8], multipliers │
 *
 * 16 bytes hold 128 / bits codes; those that lie 16 apart share a byte, the first in its low bits. One
 * bit b stands for the weight 2·b − 1, elsewhere u − offset. Codes of depth beyond the matrix are
 * `offset`, so that they multiply as 0; one bit has no such code and takes whole steps alone.
 */
import type { GemmForm } from "./gemm.ts";
import { GEMM_NR } from "./gemm.ts";
import {
  type IntegerMatrix,
  type PanelMultipliers,
  tailBytes,
  writeMultiplier,
} from "./packing.ts";

/** Bytes that are packed together. */
const BLOCK_BYTES = 16;

/** Units of a row of `depth` values. */
export function lowBitUnits(depth: number, { unitElements, stepUnits }: GemmForm): number {
  return Math.ceil(depth / (unitElements * stepUnits)) * stepUnits;
}

/** Bits of a packed code: an index of four planes' bits for tables. */
export function packedBits({ method, weightBits }: GemmForm): number {
  return method === "tables" ? 4 : weightBits;
}

/** Bytes of a panel's weights as the tile reads them. */
export function freedBytes(units: number, form: GemmForm): number {
  return form.method === "tables"
    ? units * form.weightBits * form.columns
    : units * form.unitElements * form.columns;
}

/** Bytes of `count` packed codes, whole blocks; of `count` bytes for 8 bits. */
export function packedCodeBytes(count: number, bits: number): number {
  return bits === 8 ? count : Math.ceil((count * bits) / (BLOCK_BYTES * 8)) * BLOCK_BYTES;
}

/** Bytes of a panel's packed weights. */
function codeBytes(units: number, form: GemmForm): number {
  return packedCodeBytes(freedBytes(units, form), packedBits(form));
}

/** Bytes from panel to panel. */
export function lowBitPanelBytes(
  units: number,
  form: GemmForm,
  rule: PanelMultipliers["rule"],
): number {
  return codeBytes(units, form) + (form.columns / GEMM_NR) * tailBytes(rule);
}

/** Writes the panels of a matrix whose weights are `offset` below their codes; `target` is zero. */
export function packLowBitPanels(
  target: Uint8Array,
  { weights, columns, depth, bias, inputZeroPoint, output, firstColumn }: IntegerMatrix,
  form: GemmForm,
  offset: number,
): void {
  const units = lowBitUnits(depth, form);
  const panelBytes = lowBitPanelBytes(units, form, output.rule);
  const tail = codeBytes(units, form);
  const paddedDepth = units * form.unitElements;
  const write = form.method === "tables" ? writeIndex(target, form) : writeCode(target, form);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  for (let n = 0; n < columns; n++) {
    const panel = Math.floor(n / form.columns) * panelBytes;
    const column = n % form.columns;
    const from = (firstColumn + n) * depth;
    let sum = 0;
    for (let k = 0; k < depth; k++) {
      const weight = weights[from + k]!;
      sum += weight;
      write(panel, column, k, form.weightBits === 1 ? (weight + 1) >> 1 : weight + offset);
    }
    for (let k = depth; k < paddedDepth; k++) write(panel, column, k, offset);
    const half = panel + tail + Math.floor(column / GEMM_NR) * tailBytes(output.rule);
    const own = bias === undefined ? 0 : bias[firstColumn + n]!;
    const lane = column % GEMM_NR;
    view.setInt32(half + lane * 4, (own - Math.imul(inputZeroPoint, sum)) | 0, true);
    writeMultiplier(view, half + GEMM_NR * 4, lane, firstColumn + n, output);
  }
}

type WriteCode = (panel: number, column: number, k: number, code: number) => void;

/** The code of byte `position` of a panel that begins at `panel`. */
export function placeCode(
  target: Uint8Array,
  panel: number,
  position: number,
  bits: number,
  code: number,
): void {
  const perBlock = (BLOCK_BYTES * 8) / bits;
  const inBlock = position % perBlock;
  const at = panel + ((position - inBlock) / perBlock) * BLOCK_BYTES + (inBlock % BLOCK_BYTES);
  target[at]! |= code << (bits * (inBlock >> 4));
}

/** One code at its place in [unit][column][k]. */
export function writeCode(
  target: Uint8Array,
  { unitElements, columns, weightBits }: GemmForm,
): WriteCode {
  return (panel, column, k, code) => {
    const unit = Math.floor(k / unitElements);
    const position = (unit * columns + column) * unitElements + (k % unitElements);
    placeCode(target, panel, position, weightBits, code);
  };
}

/** Each bit of a code in the index of its plane: [unit][plane][column], two indices a byte. */
function writeIndex(target: Uint8Array, { columns, weightBits: planes }: GemmForm): WriteCode {
  return (panel, column, k, code) => {
    for (let plane = 0; plane < planes; plane++) {
      const row = (k >> 2) * planes + plane;
      const at = panel + (row >> 1) * columns + column;
      target[at]! |= ((code >> plane) & 1) << ((row & 1) * 4 + (k & 3));
    }
  };
}

/** Steps of the tile's loop after which narrow sums are widened. */
export interface Flushes {
  readonly flushSteps: number;
  readonly widenFlushes: number;
}

/** Steps that no depth reaches. */
const NEVER = 1 << 20;

/**
 * How long narrow sums cannot overflow (`assembly/gemm-deep.ts`, `gemm-table.ts`).
 * @param largestCode of the weights as the kernel multiplies them
 * @param largestActivation of narrowed activations, undefined: int8
 */
export function flushes(
  form: GemmForm,
  largestCode: number,
  largestActivation: number | undefined,
): Flushes {
  if (form.method === "deep") {
    const units =
      largestActivation === undefined
        ? Math.floor(2 ** 15 / (256 * largestCode))
        : Math.floor((2 ** 15 - 1) / (2 * largestActivation * largestCode));
    // The loop takes two units at a time.
    return { flushSteps: units - (units % 2), widenFlushes: 0 };
  }
  if (form.method === "tables" && largestActivation !== undefined) {
    const flushSteps = Math.floor(255 / (16 * largestActivation));
    // Both planes of a code meet in int16: 3 for each activation.
    const perK = largestActivation * (form.weightBits === 2 ? 3 : 1);
    return { flushSteps, widenFlushes: Math.floor(65_535 / (perK * 16 * flushSteps)) };
  }
  return { flushSteps: NEVER, widenFlushes: NEVER };
}
