/**
 * Weight panels of the matrix-product family, written straight into their place.
 *
 * A panel holds 8 columns (output channels). A unit is 32 bits of packed activations: two int16, four
 * bytes or one float32 of depth.
 *
 *     pairs   │ [unit][8 columns][2 k] int8 or int16 │ int32 bias[8] │ multipliers, see below │
 *     quads   │ [unit][8 columns][4 k] int8          │ int32 bias[8] │ multipliers            │
 *     float   │ [unit][8 columns]            float32 │  f32 bias[8]  │ low[4] high[4]         │
 *
 *     fp32            f32 scale[8]
 *     fixed, fixedUp  int32 q[8], int32 exponent[8] or factor[8], int32 shift, int32 limit, 0, 0
 *     float64         f64 multiplier[8]
 *
 * Columns and units beyond the matrix are 0. The integer bias has the zero point of x folded in:
 * bias − zeroPoint · Σw, modulo 2^32.
 */
import type { FixedMultiplier } from "../quantization/index.ts";
import { GEMM_NR } from "./gemm.ts";

/** Multipliers of one rule, one per column. */
export type PanelMultipliers =
  | { readonly rule: "fp32"; readonly multipliers: Float32Array }
  | { readonly rule: "fixed"; readonly multipliers: readonly FixedMultiplier[] }
  | { readonly rule: "fixedUp"; readonly multipliers: readonly FixedMultiplier[] }
  | { readonly rule: "float64"; readonly multipliers: Float64Array };

/** How integer weights lie in a panel: k of one unit, bytes of one weight. */
export interface PanelLayout {
  readonly unitElements: 2 | 4;
  readonly weightBytes: 1 | 2;
}

/** Units of an integer row of `depth` values; the loop over k takes pairs two units at a time. */
export function integerUnits(depth: number, { unitElements }: PanelLayout): number {
  const step = unitElements === 4 ? 1 : 2;
  return Math.ceil(depth / (unitElements * step)) * step;
}

/** Bytes from panel to panel of integer weights. */
export function integerPanelBytes(
  units: number,
  { unitElements, weightBytes }: PanelLayout,
  rule: PanelMultipliers["rule"],
): number {
  return units * unitElements * GEMM_NR * weightBytes + tailBytes(rule);
}

/** Bytes of bias and multipliers of 8 columns. */
export function tailBytes(rule: PanelMultipliers["rule"]): number {
  const bias = 4 * GEMM_NR;
  if (rule === "fp32") return bias + 4 * GEMM_NR;
  return bias + 8 * GEMM_NR + (rule === "float64" ? 0 : 16);
}

/** Bytes from panel to panel of float weights. */
export function floatPanelBytes(units: number): number {
  return (units * GEMM_NR + GEMM_NR + 8) * 4;
}

export interface IntegerMatrix {
  /** [columns][depth], zero point removed; depth in the order in which activations are packed. */
  readonly weights: Int8Array | Int16Array;
  readonly columns: number;
  readonly depth: number;
  /** One per column. */
  readonly bias: Int32Array | undefined;
  /** Zero point of the activations as the kernel reads them. */
  readonly inputZeroPoint: number;
  readonly output: PanelMultipliers;
  /** The matrix takes columns [firstColumn, firstColumn + columns) of weights, bias, multipliers. */
  readonly firstColumn: number;
}

/** Writes the panels of an integer matrix; `target` is zero and 4-byte aligned. */
export function packIntegerPanels(
  target: Uint8Array,
  matrix: IntegerMatrix,
  layout: PanelLayout,
): void {
  const { columns, depth, bias, inputZeroPoint, output, firstColumn } = matrix;
  const { unitElements, weightBytes } = layout;
  const units = integerUnits(depth, layout);
  const panelBytes = integerPanelBytes(units, layout, output.rule);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  const pack = columnPacker(target, matrix, layout);
  for (let n = 0; n < columns; n++) {
    const column = n % GEMM_NR;
    const panel = Math.floor(n / GEMM_NR) * panelBytes;
    const sum = pack(n, panel + column * unitElements * weightBytes);
    const tail = panel + units * unitElements * GEMM_NR * weightBytes;
    const own = bias === undefined ? 0 : bias[firstColumn + n]!;
    view.setInt32(tail + column * 4, (own - Math.imul(inputZeroPoint, sum)) | 0, true);
    writeMultiplier(view, tail + GEMM_NR * 4, column, firstColumn + n, output);
  }
}

/** Writes column n of the matrix from the unit at byte `to` on; gives the sum of its weights. */
type ColumnPacker = (n: number, to: number) => number;

function columnPacker(
  { buffer, byteOffset, byteLength }: Uint8Array,
  { weights, depth, firstColumn }: IntegerMatrix,
  { unitElements, weightBytes }: PanelLayout,
): ColumnPacker {
  const isWhole =
    weights instanceof Int8Array &&
    weightBytes === 1 &&
    depth % unitElements === 0 &&
    weights.byteOffset % unitElements === 0;
  if (isWhole && unitElements === 4) {
    const target = new Int32Array(buffer, byteOffset, byteLength >> 2);
    const source = new Int32Array(weights.buffer, weights.byteOffset, weights.length >> 2);
    const units = depth >> 2;
    return (n, to) => packQuads(source, (firstColumn + n) * units, units, target, to >> 2);
  }
  if (isWhole) {
    const target = new Int16Array(buffer, byteOffset, byteLength >> 1);
    const source = new Int16Array(weights.buffer, weights.byteOffset, weights.length >> 1);
    const units = depth >> 1;
    return (n, to) => packPairs(source, (firstColumn + n) * units, units, target, to >> 1);
  }
  const lanes =
    weightBytes === 1
      ? new Int8Array(buffer, byteOffset, byteLength)
      : new Int16Array(buffer, byteOffset, byteLength >> 1);
  return (n, to) => {
    let from = (firstColumn + n) * depth;
    const end = from + depth;
    let sum = 0;
    for (let unit = to / weightBytes; from < end; unit += unitElements * GEMM_NR) {
      const stop = Math.min(from + unitElements, end);
      for (let at = unit; from < stop; at++, from++) {
        const weight = weights[from]!;
        lanes[at] = weight;
        sum += weight;
      }
    }
    return sum;
  };
}

/** Units whose byte sums fit the halves of a word: 256 · 255 < 2^16. */
const SUMMED_UNITS = 256;

/** Units of four int8, whole words: `from` and `to` count words. */
function packQuads(
  source: Int32Array,
  from: number,
  units: number,
  target: Int32Array,
  to: number,
): number {
  let sum = 0;
  for (let first = 0; first < units; first += SUMMED_UNITS) {
    const end = Math.min(first + SUMMED_UNITS, units);
    let even = 0;
    let odd = 0;
    for (let unit = first; unit < end; unit++) {
      const word = source[from + unit]!;
      target[to + unit * GEMM_NR] = word;
      // Bytes plus 128: none is negative, so that none borrows from its neighbour.
      const biased = word ^ 0x80808080;
      even = (even + (biased & 0x00ff00ff)) | 0;
      odd = (odd + ((biased >>> 8) & 0x00ff00ff)) | 0;
    }
    sum += (even & 0xffff) + (even >>> 16) + (odd & 0xffff) + (odd >>> 16);
  }
  return sum - units * 4 * 128;
}

/** Units of two int8, whole 16-bit words. */
function packPairs(
  source: Int16Array,
  from: number,
  units: number,
  target: Int16Array,
  to: number,
): number {
  let sum = 0;
  for (let unit = 0; unit < units; unit++) {
    const pair = source[from + unit]!;
    target[to + unit * GEMM_NR] = pair;
    sum += ((pair << 24) >> 24) + (pair >> 8);
  }
  return sum;
}

/** What a result at the limit must exceed: every difference of two codes. */
const LEAST_BITS = 9;

/**
 * The shift that a panel's columns share (`requantizeShifted` in `assembly/requantize/fixed-point.ts`), and the limit of
 * its accumulators; undefined where a multiplier is ½ or more, or their exponents lie too far apart.
 */
function commonShift(
  multipliers: readonly FixedMultiplier[],
  first: number,
): { readonly shift: number; readonly limit: number } | undefined {
  const shifts = multipliers
    .slice(first, first + GEMM_NR)
    .flatMap(({ q, exponent }) => (q === 0 ? [] : [-exponent]));
  const largest = Math.max(...shifts, 1);
  const least = Math.min(...shifts, largest);
  const shift = largest + 1;
  const lift = shift - least;
  if (least < 1 || 30 - lift - largest < LEAST_BITS) return undefined;
  return { shift, limit: 2 ** (31 - lift) - 1 };
}

/** One column's multiplier behind the biases of a panel. */
export function writeMultiplier(
  view: DataView,
  offset: number,
  column: number,
  channel: number,
  output: PanelMultipliers,
): void {
  if (output.rule === "fp32") {
    view.setFloat32(offset + column * 4, output.multipliers[channel]!, true);
  } else if (output.rule === "fixed" || output.rule === "fixedUp") {
    const { q, exponent } = output.multipliers[channel]!;
    const common = commonShift(output.multipliers, channel - column);
    const factor = common === undefined ? exponent : q === 0 ? 2 : 2 ** (common.shift + exponent);
    view.setInt32(offset + column * 4, q, true);
    view.setInt32(offset + GEMM_NR * 4 + column * 4, factor, true);
    view.setInt32(offset + GEMM_NR * 8, common?.shift ?? 0, true);
    view.setInt32(offset + GEMM_NR * 8 + 4, common?.limit ?? 0, true);
  } else {
    view.setFloat64(offset + column * 8, output.multipliers[channel]!, true);
  }
}

export interface FloatMatrix {
  /** [columns][depth]. */
  readonly weights: Float32Array;
  readonly columns: number;
  readonly depth: number;
  readonly bias: Float32Array | undefined;
  /** Clamp of the result. */
  readonly low: number;
  readonly high: number;
  readonly firstColumn: number;
}

/** Writes the panels of a float matrix; `target` is zero and 4-byte aligned. */
export function packFloatPanels(
  target: Uint8Array,
  { weights, columns, depth, bias, low, high, firstColumn }: FloatMatrix,
): void {
  const panelFloats = floatPanelBytes(depth) >> 2;
  const lanes = new Float32Array(target.buffer, target.byteOffset, target.byteLength >> 2);
  for (let n = 0; n < columns; n++) {
    const column = n % GEMM_NR;
    const panel = Math.floor(n / GEMM_NR) * panelFloats;
    let from = (firstColumn + n) * depth;
    const tail = panel + depth * GEMM_NR;
    for (let to = panel + column; to < tail; to += GEMM_NR) lanes[to] = weights[from++]!;
    lanes[tail + column] = bias === undefined ? 0 : bias[firstColumn + n]!;
    lanes.fill(low, tail + GEMM_NR, tail + GEMM_NR + 4);
    lanes.fill(high, tail + GEMM_NR + 4, tail + GEMM_NR + 8);
  }
}
