/**
 * Integer-exact Winograd F(4x4, 3x3): `assembly/winograd.ts`. The kernel transforms the filters of a
 * panel of 8 columns when it uses them; a panel holds them as they are:
 *
 *     [C/2][9 taps][8 columns][2 c] int8 or packed as in `low-bit.ts` │ int32 bias[8] │ multipliers
 */
import { GEMM_NR } from "./gemm.ts";
import type { Kernel } from "./kernel.ts";
import { packedCodeBytes, placeCode } from "./low-bit.ts";
import { type PanelMultipliers, tailBytes, writeMultiplier } from "./packing.ts";

export const WINOGRAD_POSITIONS = 36;
/** Rows and columns of one output tile. */
const WINOGRAD_OUTPUT = 4;
/** Output tiles that one kernel tile multiplies together. */
export const WINOGRAD_QUAD = 4;

/**
 * Tiles of an image, of one column of it, and how many are narrow: those of a last column of whole quads in which one or two
 * columns of outputs are left. A third of their products is not made.
 */
export function winogradTiles([height, width]: readonly [height: number, width: number]) {
  const tilesY = Math.ceil(height / WINOGRAD_OUTPUT);
  const tiles = tilesY * Math.ceil(width / WINOGRAD_OUTPUT);
  const left = width % WINOGRAD_OUTPUT;
  const inQuads = tilesY % WINOGRAD_QUAD === 0;
  return { tilesY, tiles, narrow: inQuads && (left === 1 || left === 2) ? tilesY : 0 };
}

/** Largest |Y|, bias included, that Z determines. */
export const WINOGRAD_MAX_SUM = 2 ** 25 - 1;

export const winogradParameters = [
  ["y", "zeroPoint", "low", "high", "flip", "rule"],
  ["x", "w", "inputHeight", "inputWidth", "channels", "outputHeight", "outputWidth", "n"],
  ["padTop", "padLeft", "inputZeroPoint", "panelBytes", "yStride"],
  ["tilesY", "tilesPerImage", "tileCount", "narrowFrom", "groupTiles", "tilePanels", "chunks"],
  ["weightBits", "weightOffset"],
].flat();

/** 36 multiplies for 16 outputs of 9 taps, the transforms left out. */
export const winogradBound = { unit: "multiply", macs: 8 * 4 } as const;

const weightCodes = { 8: "i8", 4: "i4", 2: "i2", 1: "b1" } as const;
export type WinogradBits = keyof typeof weightCodes;

export function winogradKernelName(isUnsigned: boolean, bits: WinogradBits): string {
  return `winograd_${isUnsigned ? "u8" : "i8"}_${weightCodes[bits]}_4x8c2`;
}

export const winogradKernels: readonly Kernel[] = [false, true].flatMap((isUnsigned) =>
  ([8, 4, 2, 1] as const).map((bits) => ({
    ...{
      name: winogradKernelName(isUnsigned, bits),
      isa: "simd128" as const,
      module: "int8" as const,
    },
    ...{ parameters: winogradParameters, bound: winogradBound },
  })),
);

export interface WinogradMatrix {
  /** [columns][3][3][channels], zero point removed. */
  readonly weights: Int8Array | Int16Array;
  readonly columns: number;
  readonly channels: number;
  readonly bias: Int32Array | undefined;
  readonly output: PanelMultipliers;
}

/** How a filter's weights lie in a panel: w + offset in `bits`, one bit for 2·b − 1. */
export interface WinogradCodes {
  readonly bits: WinogradBits;
  readonly offset: number;
}

function filterBytes(channels: number, bits: WinogradBits): number {
  return packedCodeBytes(channels * 9 * GEMM_NR, bits);
}

export function winogradPanelBytes(
  channels: number,
  rule: PanelMultipliers["rule"],
  bits: WinogradBits,
): number {
  return filterBytes(channels, bits) + tailBytes(rule);
}

/** Writes all panels; `target` is zero. */
export function packWinograd(
  target: Uint8Array,
  matrix: WinogradMatrix,
  { bits, offset }: WinogradCodes,
): void {
  const { weights, columns, channels, bias, output } = matrix;
  const panelBytes = winogradPanelBytes(channels, output.rule, bits);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  for (let n = 0; n < columns; n++) {
    const column = n % GEMM_NR;
    const panel = Math.floor(n / GEMM_NR) * panelBytes;
    let from = n * 9 * channels;
    for (let tap = 0; tap < 9; tap++) {
      for (let c = 0; c < channels; c++) {
        const weight = weights[from++]!;
        const at = ((c >> 1) * 9 + tap) * 2 * GEMM_NR + column * 2 + (c & 1);
        if (bits === 8) target[panel + at] = weight;
        else placeCode(target, panel, at, bits, bits === 1 ? (weight + 1) >> 1 : weight + offset);
      }
    }
    const tail = panel + filterBytes(channels, bits);
    view.setInt32(tail + column * 4, bias === undefined ? 0 : bias[n]!, true);
    writeMultiplier(view, tail + GEMM_NR * 4, column, n, output);
  }
}

/** Whether every channel's result is determined, and every weight is an int8. */
export function fitsWinograd(
  weights: Int8Array | Int16Array,
  columns: number,
  bias?: Int32Array,
): boolean {
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
    const start = bias === undefined ? 0 : Math.abs(bias[n]!);
    if (255 * Math.max(positive, negative) + start > WINOGRAD_MAX_SUM) return false;
  }
  return true;
}
