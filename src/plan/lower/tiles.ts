/** Choices that lowerings share: how a step is cut into tiles, how uint8 codes become int8 ones. */
import type { Format } from "../../formats/index.ts";

/** Most tiles of one step: enough for a few per thread, few enough to claim cheaply. */
const MOST_TILES = 32;

/**
 * Rows of one tile, and tiles, so that a tile costs about `tileCost`. Two where one would do, from half
 * of it on: two threads finish together, and handing over costs less than a microsecond.
 */
export function splitRows(
  rows: number,
  rowCost: number,
  tileCost: number,
): { tileRows: number; tiles: number } {
  const cost = rows * rowCost;
  const pairs = cost < tileCost / 2 ? 0.5 : Math.max(1, Math.round(cost / tileCost / 2));
  const tileRows = Math.max(1, Math.ceil(rows / Math.min(MOST_TILES, 2 * pairs)));
  return { tileRows, tiles: Math.ceil(rows / tileRows) };
}

/**
 * Kernels compute on int8 codes. A uint8 code is flipped in its top bit: `offset` is what the flip
 * takes off its value, `mask` the flip of four codes at once.
 */
export function flipOf(format: Format): { offset: number; mask: number } {
  return format.kind === "unsigned"
    ? { offset: 128, mask: 0x80808080 | 0 }
    : { offset: 0, mask: 0 };
}

/** A format as kernel names write it; undefined: no kernel has it. */
export function shortName(format: Format): "i8" | "u8" | "f32" | undefined {
  if (format.name === "int8") return "i8";
  if (format.name === "uint8") return "u8";
  return format.name === "float32" ? "f32" : undefined;
}
