/**
 * Panels of int8 weights whose int16 sums cannot saturate (`assembly/gemm-safe.ts`).
 *
 *     │ [unit][8 columns][4 k] int8 │ count │ count × (byte of a row, [8 columns][4 k] int8) │ bias │ multipliers │
 *
 * A lane of a sum takes two neighbouring k of two units. With activations of 0 … 255 it cannot saturate if
 * its positive weights sum to at most 127 and its negative ones to at least −128. Where they do not, what is
 * beyond goes into units that are multiplied once more, each with the same proof: w = w' + w''. Weights of
 * 9 bits, uint8 less their zero point, are split like the others.
 */
import { GEMM_NR } from "./gemm.ts";
import {
  type IntegerMatrix,
  type PanelMultipliers,
  tailBytes,
  writeMultiplier,
} from "./packing.ts";

/** What the weights of one sign of a lane sum to at most. */
const MOST_POSITIVE = 127;
const MOST_NEGATIVE = 128;
const UNIT = 4;
const UNIT_BYTES = UNIT * GEMM_NR;
/** Before the units that are read again, and before the weights of each. */
const HEAD_BYTES = 16;

type Weights = Int8Array | Int16Array;

/** Units of a row of `depth` values: the loop takes two. */
export function splitUnits(depth: number): number {
  return Math.ceil(depth / (2 * UNIT)) * 2;
}

/** Bytes from panel to panel; `again`: the most units that a panel reads again. */
export function splitPanelBytes(
  units: number,
  again: number,
  rule: PanelMultipliers["rule"],
): number {
  return units * UNIT_BYTES + HEAD_BYTES + again * (HEAD_BYTES + UNIT_BYTES) + tailBytes(rule);
}

/**
 * Units read again by all panels and by the panel with most of them; undefined as soon as they are more than
 * `most`.
 */
export function countAgain(
  weights: Weights,
  columns: number,
  depth: number,
  most: number,
): { readonly all: number; readonly largest: number } | undefined {
  const pairs = splitUnits(depth) / 2;
  const block = new Int16Array(2 * UNIT_BYTES);
  let all = 0;
  let largest = 0;
  for (let n = 0; n < columns; n += GEMM_NR) {
    let again = 0;
    for (let pair = 0; pair < pairs; pair++) {
      readBlock(block, weights, n, Math.min(columns, n + GEMM_NR), depth, pair);
      again += splitBlock(block).length;
    }
    all += again;
    largest = Math.max(largest, again);
    if (all > most) return undefined;
  }
  return { all, largest };
}

/** Writes the panels of an integer matrix; `target` is zero and 4-byte aligned. */
export function packSplitPanels(target: Uint8Array, matrix: IntegerMatrix, again: number): void {
  const { weights, columns, depth, bias, inputZeroPoint, output, firstColumn } = matrix;
  const units = splitUnits(depth);
  const panelBytes = splitPanelBytes(units, again, output.rule);
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  const block = new Int16Array(2 * UNIT_BYTES);
  for (let first = 0; first < columns; first += GEMM_NR) {
    const panel = (first / GEMM_NR) * panelBytes;
    const end = Math.min(columns, first + GEMM_NR);
    const count = panel + units * UNIT_BYTES;
    let tail = count + HEAD_BYTES;
    for (let pair = 0; pair < units / 2; pair++) {
      readBlock(block, weights, firstColumn + first, firstColumn + end, depth, pair);
      for (const { unit, weights: rest } of splitBlock(block)) {
        view.setUint32(tail, (2 * pair + unit) * UNIT, true);
        target.set(rest, tail + HEAD_BYTES);
        tail += HEAD_BYTES + UNIT_BYTES;
      }
      target.set(block, panel + pair * block.length);
    }
    view.setUint32(count, (tail - count - HEAD_BYTES) / (HEAD_BYTES + UNIT_BYTES), true);
    for (let n = first; n < end; n++) {
      const from = (firstColumn + n) * depth;
      let sum = 0;
      for (let k = from; k < from + depth; k++) sum += weights[k]!;
      const own = bias === undefined ? 0 : bias[firstColumn + n]!;
      const folded = (own - Math.imul(inputZeroPoint, sum)) | 0;
      view.setInt32(tail + (n - first) * 4, folded, true);
      writeMultiplier(view, tail + GEMM_NR * 4, n - first, firstColumn + n, output);
    }
  }
}

/** Two units of columns [first, end): [2 units][8 columns][4 k]. */
function readBlock(
  block: Int16Array,
  weights: Weights,
  first: number,
  end: number,
  depth: number,
  pair: number,
): void {
  block.fill(0);
  const k0 = pair * 2 * UNIT;
  const k1 = Math.min(depth, k0 + 2 * UNIT);
  for (let n = first; n < end; n++) {
    let to = (n - first) * UNIT;
    const row = n * depth;
    for (let k = k0; k < k1; k += UNIT) {
      for (let i = 0; i < UNIT && k + i < k1; i++) block[to + i] = weights[row + k + i]!;
      to += UNIT_BYTES;
    }
  }
}

interface Again {
  readonly unit: 0 | 1;
  readonly weights: Int8Array;
}

/** Leaves in `block` what fits, and gives the rest. */
function splitBlock(block: Int16Array): Again[] {
  const rest: Again[] = [];
  for (let excess = excessOf(block); excess > 0; excess = excessOf(block)) {
    // The unit that takes more of what is too much is read again; one of them takes something.
    const left = block.slice();
    const first = moveExcess(left, 0);
    const remaining = excessOf(left);
    const other = remaining === 0 ? undefined : block.slice();
    const second = other && moveExcess(other, 1);
    if (other !== undefined && second !== undefined && excessOf(other) < remaining) {
      block.set(other);
      rest.push({ unit: 1, weights: second });
    } else {
      block.set(left);
      rest.push({ unit: 0, weights: first });
    }
  }
  return rest;
}

/** Indices of the first weight of each lane: two k of one column in the first unit. */
const LANES = Array.from({ length: UNIT_BYTES / 2 }, (_, lane) => 2 * lane);

/** How much the lanes are beyond their bounds, in all. */
function excessOf(block: Int16Array): number {
  let excess = 0;
  for (const lane of LANES) {
    if (isSmall(block, lane)) continue;
    excess += laneExcess(block, lane, 1) + laneExcess(block, lane, -1);
  }
  return excess;
}

/** Nearly always: most weights are small. */
function isSmall(block: Int16Array, lane: number): boolean {
  const first = Math.abs(block[lane]!) + Math.abs(block[lane + 1]!);
  const second = Math.abs(block[UNIT_BYTES + lane]!) + Math.abs(block[UNIT_BYTES + lane + 1]!);
  return first + second <= MOST_POSITIVE;
}

function laneExcess(block: Int16Array, lane: number, sign: 1 | -1): number {
  let sum = 0;
  for (let unit = 0; unit < 2 * UNIT_BYTES; unit += UNIT_BYTES) {
    sum += Math.max(0, sign * block[unit + lane]!) + Math.max(0, sign * block[unit + lane + 1]!);
  }
  return Math.max(0, sum - mostOf(sign));
}

function mostOf(sign: 1 | -1): number {
  return sign > 0 ? MOST_POSITIVE : MOST_NEGATIVE;
}

/** Takes as much of the excess as weights of one unit have and their sums may take. */
function moveExcess(block: Int16Array, unit: 0 | 1): Int8Array {
  const moved = new Int8Array(UNIT_BYTES);
  for (const lane of LANES) {
    if (isSmall(block, lane)) continue;
    for (const sign of [1, -1] as const) {
      let excess = Math.min(laneExcess(block, lane, sign), mostOf(sign));
      for (let at = lane; at < lane + 2; at++) {
        const weight = sign * block[unit * UNIT_BYTES + at]!;
        const part = Math.min(excess, Math.max(0, weight));
        if (part === 0) continue;
        block[unit * UNIT_BYTES + at]! -= sign * part;
        moved[at]! += sign * part;
        excess -= part;
      }
    }
  }
  return moved;
}
