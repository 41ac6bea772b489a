/**
 * One row against a panel of FP6 E2M3 or FP4 E2M1 weights that stays packed: each weight is read once, so
 * that it is opened in registers and multiplied at once. Panels as in `minifloat-quads.ts`, the dot as in
 * `dot-tiles.ts`.
 */
import { HIGH_AT, NEXT_AT, NIBBLE_AT, OFFSETS_AT, open6 } from "./minifloat-quads";

/** Bytes of two units of a panel in 6 bits, and of one in 4. */
const PAIR6: usize = 48;
const UNIT4: usize = 16;


@inline
function dot(w: v128, a: v128, c: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, a, c);
}

/**
 * Sums of 1 row × 8 columns, weights in 6 bits; returns the tail of the panel. A last unit without another one
 * has its two vectors alone.
 */
export function row6(a: usize, panel: usize, units: i32, table: usize, to: usize): usize {
  const tail = panel + <usize>((units + 1) >> 1) * PAIR6;
  const whole = panel + <usize>(units >> 1) * PAIR6;
  const bases = v128.load(table);
  const offsets = v128.load(table, OFFSETS_AT);
  const nibble = v128.load(table, NIBBLE_AT);
  const high = v128.load(table, HIGH_AT);
  const next = v128.load(table, NEXT_AT);
  let c0l = v128.load(tail);
  let c0h = v128.load(tail, 16);
  let c1l = i32x4.splat(0);
  let c1h = c1l;
  while (panel < whole) {
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    const b2 = v128.load(panel, 32);
    const s0 = i16x8.shr_u(b0, 2);
    const s1 = i16x8.shr_u(b1, 2);
    const s2 = i16x8.shr_u(b2, 2);
    const x0 = v128.load32_splat(a);
    const x1 = v128.load32_splat(a, 4);
    c0l = dot(open6(bases, offsets, v128.and(s0, nibble), v128.and(b0, nibble)), x0, c0l);
    c0h = dot(open6(bases, offsets, v128.and(s1, nibble), v128.and(b1, nibble)), x0, c0h);
    c1l = dot(open6(bases, offsets, v128.and(s2, nibble), v128.and(b2, nibble)), x1, c1l);
    const ac = i16x8.shr_u(v128.or(v128.and(b0, high), v128.and(s1, next)), 4);
    const cf = i16x8.shr_u(v128.or(v128.and(b1, high), v128.and(s2, next)), 4);
    c1h = dot(open6(bases, offsets, ac, cf), x1, c1h);
    panel += PAIR6;
    a += 8;
  }
  if (panel < tail) {
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    const x0 = v128.load32_splat(a);
    const s0 = v128.and(i16x8.shr_u(b0, 2), nibble);
    const s1 = v128.and(i16x8.shr_u(b1, 2), nibble);
    c0l = dot(open6(bases, offsets, s0, v128.and(b0, nibble)), x0, c0l);
    c0h = dot(open6(bases, offsets, s1, v128.and(b1, nibble)), x0, c0h);
  }
  v128.store(to, i32x4.add(c0l, c1l));
  v128.store(to, i32x4.add(c0h, c1h), 16);
  return tail;
}

/** The same with weights in 4 bits. */
export function row4(a: usize, panel: usize, units: i32, table: usize, to: usize): usize {
  const tail = panel + <usize>units * UNIT4;
  const values = v128.load(table);
  const nibble = v128.load(table, NIBBLE_AT);
  let c0l = v128.load(tail);
  let c0h = v128.load(tail, 16);
  let c1l = i32x4.splat(0);
  let c1h = c1l;
  for (const whole = tail - UNIT4; panel < whole; panel += 2 * UNIT4) {
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    const x0 = v128.load32_splat(a);
    const x1 = v128.load32_splat(a, 4);
    const s0 = v128.and(i16x8.shr_u(b0, 4), nibble);
    const s1 = v128.and(i16x8.shr_u(b1, 4), nibble);
    c0l = dot(i8x16.relaxed_swizzle(values, v128.and(b0, nibble)), x0, c0l);
    c0h = dot(i8x16.relaxed_swizzle(values, s0), x0, c0h);
    c1l = dot(i8x16.relaxed_swizzle(values, v128.and(b1, nibble)), x1, c1l);
    c1h = dot(i8x16.relaxed_swizzle(values, s1), x1, c1h);
    a += 8;
  }
  if (panel < tail) {
    const b0 = v128.load(panel);
    const x0 = v128.load32_splat(a);
    const s0 = v128.and(i16x8.shr_u(b0, 4), nibble);
    c0l = dot(i8x16.relaxed_swizzle(values, v128.and(b0, nibble)), x0, c0l);
    c0h = dot(i8x16.relaxed_swizzle(values, s0), x0, c0h);
  }
  v128.store(to, i32x4.add(c0l, c1l));
  v128.store(to, i32x4.add(c0h, c1h), 16);
  return tail;
}
