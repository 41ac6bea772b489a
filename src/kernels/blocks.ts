/**
 * Panels of weights with a scale for each block of depth (`assembly/block-panels.ts`):
 *
 *     codes of 4, 2 or 1 bits │ scale[8] of each block, bfloat16 or float32 │ tail
 *
 *     tail = f32 bias[8] │ f32 m │ int32 zeroPoint of x │ int32 1: scales are bfloat16 │ 0
 *
 * Codes lie as in `low-bit.ts`. Scales are bfloat16 where all of a layer are, as those that
 * `src/quantizer` makes: 2 bytes for a block, 1/16 of an int4 block of 64.
 */
import type { GemmForm } from "./gemm.ts";
import { GEMM_NR } from "./gemm.ts";
import { freedBytes, lowBitUnits, packedCodeBytes, writeCode } from "./low-bit.ts";

const TAIL_BYTES = 48;
/** Bytes of start and scale of a block in a freed panel, and what lies between it and the codes. */
const FREED_BLOCK_BYTES = 64;
const ALIGNMENT = 128;

export interface BlockMatrix {
  /** [columns][depth]; a whole number of taps. */
  readonly weights: Int8Array;
  readonly depth: number;
  /** Weights of a tap and of a block, multiples of 4. */
  readonly tap: number;
  readonly blockSize: number;
  /** [columns][blocks]. */
  readonly scales: Float32Array;
  /** What is added to the scaled sums, one per column. */
  readonly bias: Float32Array | undefined;
  readonly multiplier: number;
  /** Of the activations as the kernel reads them. */
  readonly inputZeroPoint: number;
}

/** Blocks of a column. */
function blockCount({ depth, tap, blockSize }: BlockMatrix): number {
  return (depth / tap) * Math.ceil(tap / blockSize);
}

/** The number is a bfloat16: its low 16 bits are 0. */
function areShort(scales: Float32Array): boolean {
  const words = new Uint32Array(scales.buffer, scales.byteOffset, scales.length);
  return words.every((word) => (word & 0xffff) === 0);
}

/** Bytes from panel to panel. */
export function blockPanelBytes(matrix: BlockMatrix, form: GemmForm): number {
  const codes = packedCodeBytes(freedBytes(lowBitUnits(matrix.depth, form), form), form.weightBits);
  const scaleBytes = areShort(matrix.scales) ? 2 : 4;
  return codes + blockCount(matrix) * GEMM_NR * scaleBytes + TAIL_BYTES;
}

/** Bytes of a freed panel, that of its codes apart. */
export function freedBlockBytes(matrix: BlockMatrix): number {
  return ALIGNMENT + blockCount(matrix) * FREED_BLOCK_BYTES + TAIL_BYTES;
}

/** Writes the panels of columns [first, first + columns); `target` is zero. */
export function packBlockPanels(
  target: Uint8Array,
  matrix: BlockMatrix,
  form: GemmForm,
  offset: number,
  [first, columns]: readonly [first: number, columns: number],
): void {
  const { weights, depth, scales, bias, multiplier, inputZeroPoint } = matrix;
  const panelBytes = blockPanelBytes(matrix, form);
  const blocks = blockCount(matrix);
  const isShort = areShort(scales);
  const words = new Uint32Array(scales.buffer, scales.byteOffset, scales.length);
  const scaleBytes = isShort ? 2 : 4;
  const write = writeCode(target, form);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  for (let n = 0; n < columns; n++) {
    const panel = Math.floor(n / GEMM_NR) * panelBytes;
    const column = n % GEMM_NR;
    const from = (first + n) * depth;
    for (let k = 0; k < depth; k++) {
      const weight = weights[from + k]!;
      write(panel, column, k, form.weightBits === 1 ? (weight + 1) >> 1 : weight + offset);
    }
    const tail = panel + panelBytes - TAIL_BYTES;
    const scalesAt = tail - blocks * GEMM_NR * scaleBytes;
    for (let block = 0; block < blocks; block++) {
      const at = scalesAt + (block * GEMM_NR + column) * scaleBytes;
      const scale = words[(first + n) * blocks + block]!;
      if (isShort) view.setUint16(at, scale >>> 16, true);
      else view.setUint32(at, scale, true);
    }
    if (column > 0) continue;
    for (let i = 0; i < GEMM_NR; i++) {
      view.setFloat32(tail + i * 4, bias?.[first + n + i] ?? 0, true);
    }
    view.setFloat32(tail + 32, multiplier, true);
    view.setInt32(tail + 36, inputZeroPoint, true);
    view.setInt32(tail + 40, isShort ? 1 : 0, true);
  }
}
