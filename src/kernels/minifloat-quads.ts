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
    const own = quadBits(code);
    if (place < 48) target[start + place]! |= own;
    else {
      for (let vector = 0; vector < 3; vector++) {
        target[start + vector * 16 + place - 48]! |= ((own >> (4 - 2 * vector)) & 3) << 6;
      }
    }
  });
  return target;
}

/**
 * A code of FP6 E2M3 as the bits a a c c f f, by the rank of its number among those of the format: −31 … 31, 0 for
 * both zeros. Classes 0 and 1 are the ranks −16 … 15, whose numbers are 1 unit apart; class 2 is −24 … −17 and
 * 16 … 23, 2 units apart; class 3 is −32 … −25 and 24 … 31, 4 units apart. Each has four times four ranks.
 */
function quadBits(code: number): number {
  const magnitude = code & 31;
  const rank = code === magnitude ? magnitude : -magnitude;
  const own = rank & 63;
  const from = CLASS_RANKS.findIndex((ranks) => ranks.includes(own >> 2));
  return (CLASS_RANKS[from]!.indexOf(own >> 2) << 4) | (from << 2) | (own & 3);
}

/** By class and a: the four ranks that share a base, as ⌊r mod 64 / 4⌋. */
const CLASS_RANKS: readonly (readonly number[])[] = [
  [0, 1, 2, 3],
  [12, 13, 14, 15],
  [4, 5, 10, 11],
  [6, 7, 8, 9],
];
/** By class: units from a number to the next. */
const CLASS_STEPS = [1, 1, 2, 4];

/** The number of a rank in units, that before the lowest one included. */
function rankValue(rank: number): number {
  const magnitude = Math.abs(rank);
  const value = magnitude + Math.max(magnitude - 16, 0) + 2 * Math.max(magnitude - 24, 0);
  return rank < 0 ? -value : value;
}

/** Masks of the kernels behind their two vectors of values. */
const MASKS = [0x0f, 0xc0, 0x30];

/** The table of the kernels that open them, in units of the format. */
export function quadTable(format: Minifloat, unit: number): Uint8Array {
  const table = new Int8Array(32 + 16 * MASKS.length);
  MASKS.forEach((value, i) => table.fill(value, 32 + 16 * i, 48 + 16 * i));
  if (format.bits === 4) {
    for (let code = 0; code < 16; code++) table[code] = format.decode(code) * unit;
    return new Uint8Array(table.buffer);
  }
  CLASS_RANKS.forEach((ranks, own) => {
    ranks.forEach((four, a) => (table[(a << 2) | own] = rankValue(((four << 2) << 26) >> 26)));
    for (let f = 0; f < 4; f++) table[16 + ((own << 2) | f)] = f * CLASS_STEPS[own]!;
  });
  return new Uint8Array(table.buffer);
}
