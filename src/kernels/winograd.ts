/**
 * Integer-exact Winograd F(4x4, 3x3): `assembly/winograd.ts`. Its weights are U = G·g·Gᵀ, 36 int16
 * for 9 int8, per panel of 8 columns:
 *
 *     [36 positions][C/2][8 columns][2 c] int16 │ int32 bias[8] │ multipliers as in `packing.ts`
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

export const winogradKernels: readonly Kernel[] = [
  { name: "winograd_i8_i16_4x8c2", isa: "simd128", parameters },
  { name: "winograd_u8_i16_4x8c2", isa: "simd128", parameters },
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
  return WINOGRAD_POSITIONS * channels * GEMM_NR * 2 + GEMM_NR * (rule === "fp32" ? 8 : 12);
}

/** Writes all panels; `target` is zero and 2-byte aligned. */
export function packWinograd(target: Uint8Array, matrix: WinogradMatrix): void {
  const { weights, columns, channels, bias, output } = matrix;
  const panelBytes = winogradPanelBytes(channels, output.rule);
  const words = new Int16Array(target.buffer, target.byteOffset, target.byteLength >> 1);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  const step = channels * GEMM_NR;
  for (let n = 0; n < columns; n++) {
    const panel = Math.floor(n / GEMM_NR) * panelBytes;
    const column = n % GEMM_NR;
    const first = (panel >> 1) + column * 2;
    for (let c = 0; c < channels; c++) {
      const at = first + (c >> 1) * GEMM_NR * 2 + (c & 1);
      transformFilter(weights, n * 9 * channels + c, channels, words, at, step);
    }
    const tail = panel + WINOGRAD_POSITIONS * step * 2;
    view.setInt32(tail + column * 4, bias === undefined ? 0 : bias[n]!, true);
    writeMultiplier(view, tail + GEMM_NR * 4, column, n, output);
  }
}

/** G·g, 6 rows of 3. */
const rows = new Int32Array(18);

/**
 * Writes u = G·g·Gᵀ of the 3x3 filter at `from`, whose taps lie `step` apart, to 36 places `targetStep`
 * apart. The fractions of F(4x4, 3x3) are folded into Z = 576·Y:
 *
 *     G = │  6   0   0 │
 *         │ −4  −4  −4 │
 *         │ −4   4  −4 │
 *         │  1   2   4 │
 *         │  1  −2   4 │
 *         │  0   0   6 │
 */
function transformFilter(
  w: Int8Array | Int16Array,
  from: number,
  step: number,
  target: Int16Array,
  to: number,
  targetStep: number,
): void {
  for (let j = 0; j < 3; j++) {
    const g0 = w[from + j * step]!;
    const g1 = w[from + (3 + j) * step]!;
    const g2 = w[from + (6 + j) * step]!;
    const outer = -4 * (g0 + g2);
    const inner = g0 + 4 * g2;
    rows[j] = 6 * g0;
    rows[3 + j] = outer - 4 * g1;
    rows[6 + j] = outer + 4 * g1;
    rows[9 + j] = inner + 2 * g1;
    rows[12 + j] = inner - 2 * g1;
    rows[15 + j] = 6 * g2;
  }
  for (let i = 0; i < 18; i += 3) {
    const r0 = rows[i]!;
    const r1 = rows[i + 1]!;
    const r2 = rows[i + 2]!;
    const outer = -4 * (r0 + r2);
    const inner = r0 + 4 * r2;
    target[to] = 6 * r0;
    target[to + targetStep] = outer - 4 * r1;
    target[to + 2 * targetStep] = outer + 4 * r1;
    target[to + 3 * targetStep] = inner + 2 * r1;
    target[to + 4 * targetStep] = inner - 2 * r1;
    target[to + 5 * targetStep] = 6 * r2;
    to += 6 * targetStep;
  }
}

/** Whether every channel's result is determined, and every U fits int16. */
export function fitsWinograd(weights: Int8Array | Int16Array, columns: number): boolean {
  const depth = weights.length / columns;
  for (let n = 0; n < columns; n++) {
    let positive = 0;
    let negative = 0;
    for (let k = n * depth; k < (n + 1) * depth; k++) {
      const weight = weights[k]!;
      if (weight < -128 || weight > 128) return false;
      if (weight > 0) positive += weight;
      else negative -= weight;
    }
    if (Math.max(positive, negative) > WINOGRAD_MAX_WEIGHT_SUM) return false;
  }
  return true;
}
