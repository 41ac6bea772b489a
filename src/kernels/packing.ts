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

/** How integer weights lie in a panel: k of one unit, bytes of one weight. */
export interface PanelLayout {
  readonly unitElements: 2 | 4;
  readonly weightBytes: 1 | 2;
}

/** Units of one step of the tile's loop over k. */
const STEP_UNITS = 2;

/** Units of an integer row of `depth` values. */
export function integerUnits(depth: number, { unitElements }: PanelLayout): number {
  return Math.ceil(depth / (unitElements * STEP_UNITS)) * STEP_UNITS;
}

/** Bytes from panel to panel of integer weights. */
export function integerPanelBytes(
  units: number,
  { unitElements, weightBytes }: PanelLayout,
  rule: PanelMultipliers["rule"],
): number {
  return units * unitElements * GEMM_NR * weightBytes + GEMM_NR * (rule === "fp32" ? 8 : 12);
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
  /** Zero point of the activations as the kernel reads them. */
  readonly inputZeroPoint: number;
  readonly output: PanelMultipliers;
  /** The matrix takes columns [firstColumn, firstColumn + columns) of weights, bias, multipliers. */
  readonly firstColumn: number;
}

/** Writes the panels of an integer matrix; `target` is zero. */
export function packIntegerPanels(
  target: Uint8Array,
  { weights, columns, depth, bias, inputZeroPoint, output, firstColumn }: IntegerMatrix,
  layout: PanelLayout,
): void {
  const { unitElements, weightBytes } = layout;
  const units = integerUnits(depth, layout);
  const panelBytes = integerPanelBytes(units, layout, output.rule);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  const lanes =
    weightBytes === 1
      ? new Int8Array(target.buffer, target.byteOffset, target.byteLength)
      : new Int16Array(target.buffer, target.byteOffset, target.byteLength >> 1);
  const unitLanes = unitElements * GEMM_NR;
  for (let n = 0; n < columns; n++) {
    const column = n % GEMM_NR;
    const panel = Math.floor(n / GEMM_NR) * panelBytes;
    let from = (firstColumn + n) * depth;
    const end = from + depth;
    let to = panel / weightBytes + column * unitElements;
    let sum = 0;
    while (from < end) {
      const stop = Math.min(from + unitElements, end);
      for (let at = to; from < stop; at++, from++) {
        const weight = weights[from]!;
        lanes[at] = weight;
        sum += weight;
      }
      to += unitLanes;
    }
    const tail = panel + units * unitLanes * weightBytes;
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
