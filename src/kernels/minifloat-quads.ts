/** Weights of panels for the relaxed dot in 6 and 4 bits: `assembly/minifloat-quads.ts`. */
import type { Minifloat } from "../formats/index.ts";
import type { MinifloatWeights } from "./minifloat-layers.ts";

/** Codes of a group of vectors, and its bytes. */
const GROUPS = { m6: { codes: 64, bytes: 48 }, m4: { codes: 32, bytes: 16 } } as const;

function groupOf(weights: MinifloatWeights): (typeof GROUPS)["m6" | "m4"] {
  return GROUPS[weights === "m6" ? "m6" : "m4"];
}

export function quadCodeBytes(codes: number, weights: MinifloatWeights): number {
  const group = groupOf(weights);
  return Math.ceil(codes / group.codes) * group.bytes;
}

/** Codes of FP6 E2M3 or FP4 E2M1 as they lie in memory. */
export function packQuadCodes(codes: Uint16Array, weights: MinifloatWeights): Uint8Array {
  const target = new Uint8Array(quadCodeBytes(codes.length, weights));
  const group = groupOf(weights);
  codes.forEach((code, i) => {
    const start = Math.floor(i / group.codes) * group.bytes;
    const place = i % group.codes;
    if (weights === "m4") {
      target[start + (place % 16)]! |= place < 16 ? code : code << 4;
      return;
    }
    // s e e m m m → e e s m m m
    const own = ((code & 0x18) << 1) | ((code & 0x20) >> 2) | (code & 7);
    if (place < 48) target[start + place]! |= own;
    else {
      for (let vector = 0; vector < 3; vector++) {
        target[start + vector * 16 + place - 48]! |= ((own >> (2 * vector)) & 3) << 6;
      }
    }
  });
  return target;
}

/** Constants of the kernels behind their two vectors of values. */
const CONSTANTS = [15, 31, 47, 63, 3, 12, 48];

/** The table of the kernels that open them, in units of the format. */
export function quadTable(format: Minifloat, unit: number): Uint8Array {
  const table = new Int8Array(32 + 16 * CONSTANTS.length);
  CONSTANTS.forEach((value, i) => table.fill(value, 32 + 16 * i, 48 + 16 * i));
  for (let low = 0; low < 16; low++) {
    if (format.bits === 4) table[low] = format.decode(low) * unit;
    else {
      table[low] = low < 8 ? low : 8 - low;
      table[16 + low] = low < 8 ? 8 : -8;
    }
  }
  return new Uint8Array(table.buffer);
}
