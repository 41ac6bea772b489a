/**
 * Panels of FP6 E2M3 and FP4 E2M1 weights for the relaxed dot: 6 and 4 bits a weight in memory, opened as
 * quads of int8, here for one tile of the grid at a time or by a step of their own for all of them.
 *
 *     6 bits: three vectors hold 64 weights. Bytes: 16 weights in the low 6 bits of each vector, the other 16
 *             in the high 2 bits of all three. A weight: a a c c f f; its value is
 *                 bases[a, c] + offsets[c, f]
 *             c: the class of numbers that it is of, by their distance (1 twice, 2, 4 units); a: the first of
 *             four neighbours; f: one of them. `src/kernels/minifloat-quads.ts` has the order.
 *     4 bits: one vector holds 32 weights, 16 in its low nibbles; a weight is an index of the table
 *
 * Behind them the tail of `minifloat-panels.ts`. Weights that fill up the last vectors are overwritten.
 */
import { copyRun } from "./lanes";
import { TAIL } from "./minifloat-panels";

/**
 * Of the table: bases and offsets, or the values of 4 bits; then masks of 4 low bits, of the highest 2 and of
 * the next 2, which the engine would build anew for every vector.
 */
export const OFFSETS_AT: usize = 16;
export const NIBBLE_AT: usize = 32;
export const HIGH_AT: usize = 48;
export const NEXT_AT: usize = 64;
/** Bytes of one unit: 8 columns of 4 k. */
const PANEL_UNIT: i32 = 32;

/** 16 weights of 6 bits as int8. Indices of swizzles are below 16: they have one meaning. */
@inline
export function open6(bases: v128, offsets: v128, ac: v128, cf: v128): v128 {
  return i8x16.add(i8x16.relaxed_swizzle(bases, ac), i8x16.relaxed_swizzle(offsets, cf));
}

/** A panel of 6 bits. */
function openPanel6(panel: usize, units: i32, table: usize, to: usize): void {
  const bases = v128.load(table);
  const offsets = v128.load(table, OFFSETS_AT);
  const nibble = v128.load(table, NIBBLE_AT);
  const high = v128.load(table, HIGH_AT);
  const next = v128.load(table, NEXT_AT);
  let at = to;
  const end = to + <usize>(units * PANEL_UNIT);
  while (at < end) {
    const a = v128.load(panel);
    const b = v128.load(panel, 16);
    const c = v128.load(panel, 32);
    const a2 = i16x8.shr_u(a, 2);
    const b2 = i16x8.shr_u(b, 2);
    const c2 = i16x8.shr_u(c, 2);
    v128.store(at, open6(bases, offsets, v128.and(a2, nibble), v128.and(a, nibble)));
    v128.store(at, open6(bases, offsets, v128.and(b2, nibble), v128.and(b, nibble)), 16);
    v128.store(at, open6(bases, offsets, v128.and(c2, nibble), v128.and(c, nibble)), 32);
    const ac = i16x8.shr_u(v128.or(v128.and(a, high), v128.and(b2, next)), 4);
    const cf = i16x8.shr_u(v128.or(v128.and(b, high), v128.and(c2, next)), 4);
    v128.store(at, open6(bases, offsets, ac, cf), 48);
    panel += 48;
    at += 64;
  }
  copyRun(end, panel, TAIL);
}

/** A panel of 4 bits. */
function openPanel4(panel: usize, units: i32, table: usize, to: usize): void {
  const values = v128.load(table);
  const nibble = v128.load(table, NIBBLE_AT);
  let at = to;
  const end = to + <usize>(units * PANEL_UNIT);
  while (at < end) {
    const codes = v128.load(panel);
    const high = v128.and(i16x8.shr_u(codes, 4), nibble);
    v128.store(at, i8x16.relaxed_swizzle(values, v128.and(codes, nibble)));
    v128.store(at, i8x16.relaxed_swizzle(values, high), 16);
    panel += 16;
    at += 32;
  }
  copyRun(end, panel, TAIL);
}

/** Where a panel of 8, 6 or 4 bits lies open: in place, or at `to`. */
@inline
export function openQuads(bits: i32, panel: usize, units: i32, table: usize, to: usize): usize {
  if (bits == 8) return panel;
  if (bits == 6) openPanel6(panel, units, table, to);
  else openPanel4(panel, units, table, to);
  return to;
}


@unmanaged
class OpenParameters {
  x: usize;
  y: usize;
  codeTable: usize;
  panels: i32;
  tilePanels: i32;
  /** Of a row of the panel. */
  units: i32;
  /** Bytes from panel to panel, packed and open. */
  panelBytes: i32;
  openBytes: i32;
  /** Of a weight: 6 or 4. */
  bits: i32;
}

/** All panels of a layer; `bits` says how they are packed. */
export function open_m6_i8_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<OpenParameters>(parameters);
  const first = tile * p.tilePanels;
  const last = min(first + p.tilePanels, p.panels);
  for (let panel = first; panel < last; panel++) {
    const from = p.x + <usize>(panel * p.panelBytes);
    openQuads(p.bits, from, p.units, p.codeTable, p.y + <usize>(panel * p.openBytes));
  }
}
