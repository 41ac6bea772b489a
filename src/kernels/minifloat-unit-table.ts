/** The constants of `UnitsRule` of `assembly/minifloat-output.ts`: five vectors. */
import type { UnitGrid, UnitSteps } from "./minifloat-units.ts";

export const UNIT_TABLE_BYTES = 80;

/** Entries of the table of extras, by the upper bits of t. */
const CLASSES = 16;

/** @param flip what 0 is in what is stored */
export function unitTable(grid: UnitGrid, { low, high }: UnitSteps, flip: number): Uint8Array {
  const table = new Uint8Array(UNIT_TABLE_BYTES);
  table.set(Uint8Array.from({ length: CLASSES }, (_, i) => extraOf(i)));
  return table
    .fill(low, 16, 32)
    .fill(high, 32, 48)
    .fill(flip - grid.zero / 2, 48, 64)
    .fill(CLASSES - 1, 64, 80);
}

/** Steps of 1 unit in four entries around 0, of 2 in two beside them on both sides, else of 4. */
function extraOf(index: number): number {
  const half = CLASSES / 2;
  const own = index < half ? half - 1 - index : index - half;
  return own < 2 ? 0 : own < 4 ? 1 : 3;
}
