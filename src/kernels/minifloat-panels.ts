/**
 * Panels of minifloat weights: codes in the order of the open panel, then its tail. Panels as in
 * `packing.ts`: a unit is one float32, two or four integers of depth.
 *
 *     │ [unit][8 columns][k of the unit] codes │ int32 start[8] │ f32 scale[8] │ f32 bias[8] │ low[4] high[4] │
 *
 * Of weights in blocks then their scales, E8M0 codes [tap][block of 32 of its depth][8 columns].
 */
import { float8_e8m0fnu, type Minifloat } from "../formats/index.ts";
import { GEMM_NR } from "./gemm.ts";
import { decodeKernelOf, minifloatTable } from "./minifloat.ts";
import type { Quantization } from "../quantization/index.ts";
import type { TensorType } from "../tensor/index.ts";
import {
  type MinifloatOperand,
  minifloatOperands,
  type MinifloatWeights,
} from "./minifloat-layers.ts";
import { packQuadCodes, quadCodeBytes, quadTable } from "./minifloat-quads.ts";
import { integerUnits } from "./packing.ts";

/** How the weights of a type lie in memory. */
export function minifloatWeightsOf({ format, quantization }: TensorType): MinifloatWeights {
  const isPacked = format.bits === 8 || format.bits === 6 || format.bits === 4;
  const own = format as Minifloat;
  if (quantization?.granularity === "perBlock" && !hasPackedScales(quantization)) return "w32";
  return isPacked && (decodeKernelOf(own) !== undefined || isInteger(own))
    ? (`m${format.bits}` as MinifloatWeights)
    : "w32";
}

/** Blocks of 32 with scales that are powers of two. */
function hasPackedScales({ scale, blockSize }: Quantization): boolean {
  const { decode, encode } = float8_e8m0fnu;
  return blockSize === BLOCK && scale.every((own) => decode(encode(own)) === own);
}

/** The element of MXINT8: it lies in panels as int8. */
function isInteger({ exponentBits, maxCode, smallest }: Minifloat): boolean {
  return exponentBits === 1 && maxCode === 127 && smallest === INTEGER_STEP;
}

/** Codes of it, sign and magnitude, as int8. */
function integersOf(codes: Uint16Array): Uint16Array {
  return codes.map((code) => (code < 128 ? code : (384 - code) & 255));
}

/** Codes that are opened at a time. */
const GROUP = 16;
/** Tail of a panel, and what opening may write behind it. */
const TAIL_BYTES = 128;
const SLACK_BYTES = 64;

/** As in `assembly/block-scales.ts`. */
const BLOCK = 32;
const INTEGER_STEP = 2 ** -6;

export interface MinifloatPanels {
  readonly format: Minifloat;
  readonly operand: MinifloatOperand;
  readonly weights: MinifloatWeights;
  readonly depth: number;
  /** Of packed weights in blocks: the depth of a tap. */
  readonly tap?: number | undefined;
  /** Products are added by one instruction. */
  readonly isMadd?: boolean;
}

/** Scales of a column. */
function scaleCount({ depth, tap }: MinifloatPanels): number {
  return tap === undefined ? 0 : (depth / tap) * Math.ceil(tap / BLOCK);
}

/** Units of a row of x. */
export function minifloatUnits({ operand, depth }: MinifloatPanels): number {
  const { unitElements } = minifloatOperands[operand];
  return unitElements === 1 ? depth : integerUnits(depth, { unitElements, weightBytes: 1 });
}

/** Codes of a panel. */
export function panelCodes(panels: MinifloatPanels): number {
  return minifloatUnits(panels) * GEMM_NR * minifloatOperands[panels.operand].unitElements;
}

function codeBytes(panels: MinifloatPanels): number {
  const { weights, format, operand } = panels;
  const codes = panelCodes(panels);
  if (weights === "w8") return codes;
  if (operand === "x8") return quadCodeBytes(codes, weights);
  return weights === "w32" ? codes * 4 : (Math.ceil(codes / GROUP) * GROUP * format.bits) / 8;
}

/** Bytes from panel to panel. */
export function minifloatPanelBytes(panels: MinifloatPanels): number {
  return codeBytes(panels) + TAIL_BYTES + Math.ceil(scaleCount(panels) / 2) * 2 * GEMM_NR;
}

/** Most units of a float32 panel that are open at a time, as in `assembly/float-sweep.ts`. */
const PART_UNITS = 512;

/** Bytes of scratch that an open panel, or part of one, takes. */
export function openPanelBytes(panels: MinifloatPanels): number {
  if (panels.weights === "w32" || panels.weights === "w8") return 0;
  const most = panels.operand === "f32" ? PART_UNITS * GEMM_NR : Infinity;
  const codes = Math.min(Math.ceil(panelCodes(panels) / GROUP) * GROUP, most);
  return codes * minifloatOperands[panels.operand].elementBytes + TAIL_BYTES + SLACK_BYTES;
}

export interface MinifloatMatrix {
  /** Codes [columns][depth]; values where they lie as float32. */
  readonly elements: Uint8Array | Uint16Array | Float32Array;
  /** Codes of the format as they lie in memory. */
  pack(codes: Uint16Array): Uint8Array;
  readonly columns: number;
  readonly firstColumn: number;
  /** What a sum starts from; 0 for floats. */
  readonly start: (column: number) => number;
  readonly scale: (column: number) => number;
  /** Scales of blocks [columns][tap][block]. */
  readonly blockScales: Float32Array;
  readonly bias: Float32Array | undefined;
  readonly low: number;
  readonly high: number;
}

/** Writes the panels of columns [firstColumn, firstColumn + columns); `target` is zero. */
export function packMinifloatPanels(
  target: Uint8Array,
  panels: MinifloatPanels,
  matrix: MinifloatMatrix,
): void {
  const { elements, pack, columns, firstColumn, start, scale, bias, low, high } = matrix;
  const { depth, weights, operand } = panels;
  const scales = scaleCount(panels);
  const { unitElements } = minifloatOperands[operand];
  const bytes = minifloatPanelBytes(panels);
  const tail = codeBytes(panels);
  for (let first = 0; first < columns; first += GEMM_NR) {
    const count = panelCodes(panels);
    const own = weights === "w32" ? new Float32Array(count) : new Uint16Array(count);
    const view = new DataView(target.buffer, target.byteOffset + (first / GEMM_NR) * bytes, bytes);
    for (let column = 0; column < Math.min(GEMM_NR, columns - first); column++) {
      const channel = firstColumn + first + column;
      for (let k = 0; k < depth; k++) {
        const unit = Math.floor(k / unitElements);
        own[(unit * GEMM_NR + column) * unitElements + (k % unitElements)] =
          elements[channel * depth + k]!;
      }
      view.setInt32(tail + column * 4, start(channel), true);
      view.setFloat32(tail + 32 + column * 4, scale(channel), true);
      view.setFloat32(tail + 64 + column * 4, bias?.[channel] ?? 0, true);
      for (let i = 0; i < scales; i++) {
        const code = float8_e8m0fnu.encode(matrix.blockScales[channel * scales + i]!);
        view.setUint8(tail + TAIL_BYTES + i * GEMM_NR + column, code);
      }
    }
    for (let lane = 0; lane < 4; lane++) {
      view.setFloat32(tail + 96 + lane * 4, low, true);
      view.setFloat32(tail + 112 + lane * 4, high, true);
    }
    const packed =
      own instanceof Float32Array
        ? new Uint8Array(own.buffer)
        : operand === "x8"
          ? packQuadCodes(own, weights)
          : pack(isInteger(panels.format) ? integersOf(own) : own);
    new Uint8Array(view.buffer, view.byteOffset).set(packed);
  }
}

/** Bytes of the table of a panel's kernel. */
const INTEGER_TABLE_BYTES = 80;

/**
 * The table of a kernel: `MinifloatTable` for float32, that of `minifloat-quads.ts` for the relaxed dot, that of
 * `minifloat-panels.ts` for other integers.
 */
export function minifloatPanelTable(
  { format, operand, tap }: MinifloatPanels,
  unit: number,
  codes: Uint8Array | Uint16Array,
): Uint8Array {
  if (operand === "f32") {
    const areNumbers = codes.every((code) => Number.isFinite(format.decode(code)));
    return minifloatTable(format, isInteger(format) ? 2 : areNumbers ? 1 : 0, tap);
  }
  if (operand === "x8") return quadTable(format, unit);
  const table = new Uint8Array(INTEGER_TABLE_BYTES);
  const magnitudes = 2 ** (format.bits - 1);
  for (let code = 0; code < magnitudes; code++) {
    const value = format.decode(code) * unit;
    table[code] = value & 0xff;
    table[32 + code] = value >> 8;
  }
  return table.fill(magnitudes - 1, 64);
}
