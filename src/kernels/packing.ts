/**
 * Weight panels of the matrix-product family, written straight into their place.
 *
 * A panel holds 8 columns (output channels). A unit is 32 bits of depth: two int16 or one float32.
 *
 *     integer │ [unit][8 columns][2 k] int8 or int16 │ int32 bias[8] │ multipliers, see below │
 *     float   │ [unit][8 columns]            float32 │  f32 bias[8]  │ low[4] high[4]         │
 *
 *     fp32            f32 scale[8]
 *     fixed, fixedUp  int32 q[8], int32 exponent[8]
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

/** The int16 of one unit, and the units of one step of the tile's loop over k. */
const PAIR = 2;
const STEP_UNITS = 2;

/** Units of an integer row of `depth` values. */
export function integerUnits(depth: number): number {
  return Math.ceil(depth / (PAIR * STEP_UNITS)) * STEP_UNITS;
}

/** Bytes from panel to panel of integer weights of `weightBytes` each. */
export function integerPanelBytes(
  units: number,
  weightBytes: 1 | 2,
  rule: PanelMultipliers["rule"],
): number {
  return units * PAIR * GEMM_NR * weightBytes + GEMM_NR * (rule === "fp32" ? 8 : 12);
}

/** Bytes from panel to panel of float weights. */
export function floatPanelBytes(units: number): number {
  return (units * GEMM_NR + GEMM_NR + 8) * 4;
}

export interface IntegerMatrix {
  /** [columns][depth], zero point removed; depth in the order in which activations are packed. */
  readonly weights: Int16Array;
  readonly columns: number;
  readonly depth: number;
  /** One per column. */
  readonly bias: Int32Array | undefined;
  readonly inputZeroPoint: number;
  readonly output: PanelMultipliers;
  /** The matrix takes columns [firstColumn, firstColumn + columns) of weights, bias, multipliers. */
  readonly firstColumn: number;
}

/** Writes the panels of an integer matrix; `target` is zero. */
export function packIntegerPanels(
  target: Uint8Array,
  { weights, columns, depth, bias, inputZeroPoint, output, firstColumn }: IntegerMatrix,
  weightBytes: 1 | 2,
): void {
  const units = integerUnits(depth);
  const panelBytes = integerPanelBytes(units, weightBytes, output.rule);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  for (let n = 0; n < columns; n++) {
    const column = n % GEMM_NR;
    const panel = Math.floor(n / GEMM_NR) * panelBytes;
    const from = (firstColumn + n) * depth;
    let sum = 0;
    for (let k = 0; k < depth; k++) {
      const weight = weights[from + k]!;
      const index = (k >> 1) * PAIR * GEMM_NR + column * PAIR + (k & 1);
      if (weightBytes === 1) view.setInt8(panel + index, weight);
      else view.setInt16(panel + index * 2, weight, true);
      sum += weight;
    }
    const tail = panel + units * PAIR * GEMM_NR * weightBytes;
    const own = bias === undefined ? 0 : bias[firstColumn + n]!;
    view.setInt32(tail + column * 4, (own - Math.imul(inputZeroPoint, sum)) | 0, true);
    writeMultiplier(view, tail + GEMM_NR * 4, column, firstColumn + n, output);
  }
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
    view.setInt32(offset + column * 4, q, true);
    view.setInt32(offset + GEMM_NR * 4 + column * 4, exponent, true);
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

/** Writes the panels of a float matrix; `target` is zero. */
export function packFloatPanels(
  target: Uint8Array,
  { weights, columns, depth, bias, low, high, firstColumn }: FloatMatrix,
): void {
  const panelBytes = floatPanelBytes(depth);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  for (let n = 0; n < columns; n++) {
    const column = n % GEMM_NR;
    const panel = Math.floor(n / GEMM_NR) * panelBytes;
    for (let k = 0; k < depth; k++) {
      const weight = weights[(firstColumn + n) * depth + k]!;
      view.setFloat32(panel + (k * GEMM_NR + column) * 4, weight, true);
    }
    const tail = panel + depth * GEMM_NR * 4;
    view.setFloat32(tail + column * 4, bias === undefined ? 0 : bias[firstColumn + n]!, true);
    for (let lane = 0; lane < 4; lane++) {
      view.setFloat32(tail + GEMM_NR * 4 + lane * 4, low, true);
      view.setFloat32(tail + GEMM_NR * 4 + 16 + lane * 4, high, true);
    }
  }
}
