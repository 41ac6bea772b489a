/**
 * The matrix-product family: `assembly/gemm.ts`, `conv.ts`, `conv-indirect.ts`, `gemm-float.ts`. The
 * three operations differ in how they pack activations: `gemm` takes rows as they lie, `conv` copies
 * windows (im2col per strip), `igemm` follows an indirection table.
 */
import type { Kernel } from "./kernel.ts";

/** Columns of a tile. */
export const GEMM_NR = 8;

/** `OutputParameters.rule`. */
export const gemmRules = { fp32: 0, fixed: 1, float64: 2, fixedUp: 3 } as const;

const grid = [
  ["y", "zeroPoint", "low", "high", "flip", "rule"],
  ["x", "w", "m", "n", "units", "panelBytes", "yStride"],
  ["tileRows", "tilePanels", "chunks", "stripRows"],
].flat();

/** Fields of each operation's parameter block. */
const blocks = {
  gemm: [...grid, "xStride"],
  conv: [
    ...grid,
    ...["height", "width", "xStride", "channelBytes", "outHeight", "outWidth"],
    ...["kernelHeight", "kernelWidth", "strideY", "strideX", "dilationY", "dilationX"],
    ...["top", "left", "border", "yRowStride", "yImageStride"],
  ],
  igemm: [...grid, "table", "border", "taps", "tapUnits", "pixels", "xImageStride"],
} as const;

export type GemmOperation = keyof typeof blocks;
/**
 * Packed activations and weights: `i16` weights are int8 or uint8 ones less their zero point; `x8`
 * activations are bytes as they are stored, `f8` have their top bit flipped (relaxed dot).
 */
export type GemmOperands = "i8_i8" | "u8_i8" | "i8_i16" | "u8_i16" | "f32_f32" | "x8_i8" | "f8_i8";

/** The tile of each pair of operands: its rows, and the k of one 32-bit unit. */
const tiles: Readonly<Record<GemmOperands, { rows: 4 | 5; unitElements: 1 | 2 | 4 }>> = {
  i8_i8: { rows: 4, unitElements: 2 },
  u8_i8: { rows: 4, unitElements: 2 },
  i8_i16: { rows: 4, unitElements: 2 },
  u8_i16: { rows: 4, unitElements: 2 },
  f32_f32: { rows: 4, unitElements: 1 },
  x8_i8: { rows: 5, unitElements: 4 },
  f8_i8: { rows: 5, unitElements: 4 },
};

/** Rows of a tile. */
export function gemmTileRows(operands: GemmOperands): 4 | 5 {
  return tiles[operands].rows;
}

/** Elements of depth in one unit. */
export function gemmUnitElements(operands: GemmOperands): 1 | 2 | 4 {
  return tiles[operands].unitElements;
}

export function gemmKernelName(operation: GemmOperation, operands: GemmOperands): string {
  const { rows, unitElements } = tiles[operands];
  const isa = unitElements === 4 ? "_relaxed" : "";
  return `${operation}_${operands}_${rows}x${GEMM_NR}c${unitElements}${isa}`;
}

/** Byte rows need no table: copying their windows is all the packing there is. */
export function hasGemmKernel(operation: GemmOperation, operands: GemmOperands): boolean {
  return operation !== "igemm" || gemmUnitElements(operands) !== 4;
}

const operations: readonly GemmOperation[] = ["gemm", "conv", "igemm"];
const operands = Object.keys(tiles) as readonly GemmOperands[];

/** ⌊(2^31 − 1) / (largest |x − zeroPoint| · |w|)⌋. */
const maxDepths: Partial<Record<GemmOperands, number>> = {
  i8_i8: 65_793,
  u8_i8: 65_793,
  x8_i8: 65_793,
  f8_i8: 65_793,
  i8_i16: 33_025,
  u8_i16: 33_025,
};

export const gemmKernels: readonly Kernel[] = operations.flatMap((operation) =>
  operands
    .filter((pair) => hasGemmKernel(operation, pair))
    .map((pair): Kernel => {
      const maxDepth = maxDepths[pair];
      return {
        name: gemmKernelName(operation, pair),
        isa: gemmUnitElements(pair) === 4 ? "relaxed" : "simd128",
        parameters: blocks[operation],
        ...(maxDepth === undefined ? {} : { maxDepth }),
      };
    }),
);
