/**
 * The matrix-product family: `assembly/gemm.ts`, `conv.ts`, `conv-indirect.ts`, `gemm-float.ts`. The
 * three operations differ in how they pack activations: `gemm` takes rows as they lie, `conv` copies
 * windows (im2col per strip), `igemm` follows an indirection table.
 */
import type { Kernel } from "./kernel.ts";

/** Rows and columns of a tile. */
export const GEMM_MR = 4;
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

/** k of one 32-bit unit, and what the name of a kernel says of it. */
const units: Readonly<Record<GemmOperands, { elements: 1 | 2 | 4; suffix: string }>> = {
  i8_i8: { elements: 2, suffix: "c2" },
  u8_i8: { elements: 2, suffix: "c2" },
  i8_i16: { elements: 2, suffix: "c2" },
  u8_i16: { elements: 2, suffix: "c2" },
  f32_f32: { elements: 1, suffix: "c1" },
  x8_i8: { elements: 4, suffix: "c4_relaxed" },
  f8_i8: { elements: 4, suffix: "c4_relaxed" },
};

/** Elements of depth in one unit. */
export function gemmUnitElements(operands: GemmOperands): 1 | 2 | 4 {
  return units[operands].elements;
}

export function gemmKernelName(operation: GemmOperation, operands: GemmOperands): string {
  return `${operation}_${operands}_${GEMM_MR}x${GEMM_NR}${units[operands].suffix}`;
}

const operations: readonly GemmOperation[] = ["gemm", "conv", "igemm"];
const operands = Object.keys(units) as readonly GemmOperands[];

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
  operands.map((pair): Kernel => {
    const maxDepth = maxDepths[pair];
    return {
      name: gemmKernelName(operation, pair),
      isa: gemmUnitElements(pair) === 4 ? "relaxed" : "simd128",
      parameters: blocks[operation],
      ...(maxDepth === undefined ? {} : { maxDepth }),
    };
  }),
);
