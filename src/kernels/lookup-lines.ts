/** Tables of 256 bytes as 16 lines and a bit more each: what `assembly/lookup-lines.ts` reads. */

/** Entries of one line. */
const LINE = 16;
/** Six vectors: base, slope, the bits that are missing of both halves, and the bit of each entry. */
export const LINES_BYTES = 96;

/** The vectors for a table, or undefined where a line and one bit cannot describe 16 entries. */
export function linesOf(table: Uint8Array): Uint8Array | undefined {
  const lines = new Uint8Array(LINES_BYTES);
  for (let s = 0; s < 256 / LINE; s++) {
    const line = fitLine(table.subarray(LINE * s, LINE * (s + 1)));
    if (line === undefined) return undefined;
    lines[s] = line.base;
    lines[16 + s] = line.slope;
    lines[32 + s] = ~line.rest;
    lines[48 + s] = ~line.rest >> 8;
  }
  for (let l = 0; l < 8; l++) {
    lines[64 + l] = 1 << l;
    lines[80 + 8 + l] = 1 << l;
  }
  return lines;
}

interface Line {
  readonly base: number;
  /** Sixteenths. */
  readonly slope: number;
  /** Bit l: entry l is one more. */
  readonly rest: number;
}

/** How far a slope may lie from the one between the first entry and the last: a step at each end. */
const SLOPE_REACH = 3;

/** A line that entries are on or one above, modulo 256. */
function fitLine(entries: Uint8Array): Line | undefined {
  const middle = Math.round((signed(entries[LINE - 1]! - entries[0]!) * 16) / (LINE - 1));
  const last = Math.min(127, middle + SLOPE_REACH);
  for (let slope = Math.max(-128, middle - SLOPE_REACH); slope <= last; slope++) {
    const line = onLine(entries, slope);
    if (line !== undefined) return line;
  }
  return undefined;
}

function onLine(entries: Uint8Array, slope: number): Line | undefined {
  const above = (l: number) => signed(entries[l]! - entries[0]! - ((slope * l + 8) >> 4));
  let low = 0;
  let high = 0;
  for (let l = 1; l < LINE && high - low <= 1; l++) {
    low = Math.min(low, above(l));
    high = Math.max(high, above(l));
  }
  if (high - low > 1) return undefined;
  let rest = 0;
  for (let l = 0; l < LINE; l++) if (above(l) > low) rest |= 1 << l;
  return { base: entries[0]! + low, slope, rest };
}

/** A byte as int8. */
function signed(byte: number): number {
  return (byte << 24) >> 24;
}
