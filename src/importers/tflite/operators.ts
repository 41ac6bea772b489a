/** One row per builtin operator: TFLite's name, its options, and the operator of bitlane it becomes. */
import { layerRows } from "./layer-rows.ts";
import { movementRows } from "./movement-rows.ts";
import type { Row } from "./row.ts";
import { valueRows } from "./value-rows.ts";

export const ROWS: ReadonlyMap<string, Row> = new Map([
  ...layerRows,
  ...movementRows,
  ...valueRows,
]);
