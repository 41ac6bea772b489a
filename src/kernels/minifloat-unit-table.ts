/** The constants of `UnitsRule` of `assembly/minifloat-output.ts`: five vectors. */
import type { UnitGrid, UnitSteps } from "./minifloat-units.ts";

export const UNIT_TABLE_BYTES = 80;

/** Entries of the table of extras, by the upper bits of t. */
const CLASSES = 16;

/** @param flip what 0 is in what is stored */
export function unitTable(grid: UnitGrid, { low, high }: UnitSteps, flip: number): Uint8Array {
  const table = new Uint8Array(UNIT_TABLE_BYTES);
  table.set(Uint8Array.from({ length: CLASSES }, (_, i) => extraOf(grid, i, low === 0)));
  return table
    .fill(low, 16, 32)
    .fill(high, 32, 48)
    .fill(flip - grid.zero / 2, 48, 64)
    .fill(CLASSES - 1, 64, 80);
}

/** ⌊(t + extra + 1) / 2⌋ without the bits of extra. */
function rounded(t: number, extra: number): number {
  return ((t + extra + 1) >> 1) & ~extra;
}

function extraOf({ zero }: UnitGrid, index: number, isPositive: boolean): number {
  const half = CLASSES / 2;
  const own = index < half ? half - 1 - index : index - half;
  if (index >= half || !isPositive) return own < 2 ? 0 : own < 4 ? 1 : 3;
  // What makes 0 of all t of the entry.
  const width = zero / half;
  const steps = Array.from({ length: width }, (_, i) => index * width + i);
  const all = Array.from({ length: 256 }, (_, extra) => extra);
  return all.find((extra) => steps.every((t) => rounded(t, extra) === zero / 2))!;
}
