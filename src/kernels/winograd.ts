/**
 * Integer-exact Winograd F(4x4, 3x3): `assembly/winograd.ts`. The kernel transforms the filters of a
 * panel of 8 columns when it uses them; a panel holds them as they are:
 *
 *     [C][9 taps][8 columns] int8 │ int32 bias[8] │ multipliers as in `packing.ts`
 */
import { GEMM_NR } from "./gemm.ts";
import type { Kernel } from "./kernel.ts";
import { type PanelMultipliers, writeMultiplier } from "./packing.ts";

export const WINOGRAD_POSITIONS = 36;
/** Rows and columns of one output tile. */
export const WINOGRAD_OUTPUT = 4;
/** Output tiles that one kernel tile multiplies together. */
export const WINOGRAD_QUAD = 4;

/**
 * Largest Σ of a channel's positive, or of its negative, weights: 255 times it stays inside the
 * ±2^25 in which Z determines Y.
 */
export const WINOGRAD_MAX_WEIGHT_SUM = Math.floor((2 ** 25 - 1) / 255);

const parameters = [
  ["y", "zeroPoint", "low", "high", "flip", "rule"],
  ["x", "w", "inputHeight", "inputWidth", "channels", "outputHeight", "outputWidth", "n"],
  ["padTop", "padLeft", "inputZeroPoint", "panelBytes", "yStride"],
  ["tilesX", "tilesPerImage", "tileCount", "groupTiles", "tilePanels", "chunks"],
].flat();

/** 36 multiplies for 16 outputs of 9 taps, the transforms left out. */
const bound = { unit: "multiply", macs: 8 * 4 } as const;

export const winogradKernels: readonly Kernel[] = [
  { name: "winograd_i8_i8_4x8c2", isa: "simd128", parameters, bound },
  { name: "winograd_u8_i8_4x8c2", isa: "simd128", parameters, bound },
];

export interface WinogradMatrix {
  /** [columns][3][3][channels], zero point removed. */
  readonly weights: Int8Array | Int16Array;
  readonly columns: number;
  readonly channels: number;
  readonly bias: Int32Array | undefined;
  readonly output: PanelMultipliers;
}

export function winogradPanelBytes(channels: number, rule: PanelMultipliers["rule"]): number {
  return channels * 9 * GEMM_NR + GEMM_NR * (rule === "fp32" ? 8 : 12);
}

/** Writes all panels; `target` is zero. */
export function packWinograd(target: Uint8Array, matrix: WinogradMatrix): void {
  const { weights, columns, channels, bias, output } = matrix;
  const panelBytes = winogradPanelBytes(channels, output.rule);
  const codes = new Int8Array(target.buffer, target.byteOffset, target.byteLength);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  for (let n = 0; n < columns; n++) {
    const column = n % GEMM_NR;
    const panel = Math.floor(n / GEMM_NR) * panelBytes;
    let from = n * 9 * channels;
    for (let tap = 0; tap < 9; tap++) {
      let at = panel + tap * GEMM_NR + column;
      for (const end = from + channels; from < end; from++) {
        codes[at] = weights[from]!;
        at += 9 * GEMM_NR;
      }
    }
    const tail = panel + channels * 9 * GEMM_NR;
    view.setInt32(tail + column * 4, bias === undefined ? 0 : bias[n]!, true);
    writeMultiplier(view, tail + GEMM_NR * 4, column, n, output);
  }
}

/** Whether every channel's result is determined, and every weight is an int8. */
export function fitsWinograd(weights: Int8Array | Int16Array, columns: number): boolean {
  const depth = weights.length / columns;
  for (let n = 0; n < columns; n++) {
    let positive = 0;
    let negative = 0;
    for (let k = n * depth; k < (n + 1) * depth; k++) {
      const weight = weights[k]!;
      if (weight < -128 || weight > 127) return false;
      if (weight > 0) positive += weight;
      else negative -= weight;
    }
    if (Math.max(positive, negative) > WINOGRAD_MAX_WEIGHT_SUM) return false;
  }
  return true;
}
