/**
 * One row × 8 columns of a packed panel (`low-bit.ts`) on the relaxed dot with accumulation, without freeing
 * it: a matrix times a vector uses each weight once, and freeing costs more than that. Codes are masked and
 * shifted in registers, four units a step, whose sums lie apart and hide the latency:
 *
 *     4 bits   one vector a unit:     low nibbles = columns 0 … 3, high nibbles = columns 4 … 7
 *     2 bits   one vector two units:  bits 0–1, 2–3 = unit 0; 4–5, 6–7 = unit 1
 *
 * Codes lie above the weights: Σ x·w = Σ x·u − offset · Σ x. Panels of one bit, and of depths that are no
 * multiple of 16, are freed: code is bytes to load.
 */
import { GridParameters } from "./grid";

/** Units of one step. */
const STEP: i32 = 4;

/** Rows for which multiplying the packed panel, once each, costs less than freeing it (bench/low-bit.ts). */
export const PACKED_ROWS: i32 = 2;

/** Codes of 4 or 2 bits, whole steps of them. */
@inline
export function isPacked(p: GridParameters): bool {
  return (p.weightBits == 4 || p.weightBits == 2) && p.units % STEP == 0;
}


@inline
function dot(w: v128, a: v128, c: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, a, c);
}

/** Vector `index` of 16 codes from `w` on. `bits` and `index` are constants. */
@inline
function codesAt(bits: i32, w: usize, index: i32, mask: v128): v128 {
  const perVector = 8 / bits;
  const codes = v128.load(w + <usize>(index / perVector) * 16);
  const shift = (index % perVector) * bits;
  return v128.and(shift == 0 ? codes : i16x8.shr_u(codes, shift), mask);
}

/** Σ x·u of one row and 8 columns to `to`; returns the end of the codes. `bits` is a constant. */
@inline
function sumCodes(bits: i32, a: usize, w: usize, units: i32, to: usize): usize {
  const mask = i8x16.splat(bits == 4 ? 15 : 3);
  let c0l = i32x4.splat(0);
  let c0h = c0l;
  let c1l = c0l;
  let c1h = c0l;
  let c2l = c0l;
  let c2h = c0l;
  let c3l = c0l;
  let c3h = c0l;
  for (let left = units; left > 0; left -= STEP) {
    const x0 = v128.load32_splat(a);
    c0l = dot(codesAt(bits, w, 0, mask), x0, c0l);
    c0h = dot(codesAt(bits, w, 1, mask), x0, c0h);
    const x1 = v128.load32_splat(a, 4);
    c1l = dot(codesAt(bits, w, 2, mask), x1, c1l);
    c1h = dot(codesAt(bits, w, 3, mask), x1, c1h);
    const x2 = v128.load32_splat(a, 8);
    c2l = dot(codesAt(bits, w, 4, mask), x2, c2l);
    c2h = dot(codesAt(bits, w, 5, mask), x2, c2h);
    const x3 = v128.load32_splat(a, 12);
    c3l = dot(codesAt(bits, w, 6, mask), x3, c3l);
    c3h = dot(codesAt(bits, w, 7, mask), x3, c3h);
    a += 4 * STEP;
    w += 16 * bits;
  }
  v128.store(to, i32x4.add(i32x4.add(c0l, c1l), i32x4.add(c2l, c3l)));
  v128.store(to, i32x4.add(i32x4.add(c0h, c1h), i32x4.add(c2h, c3h)), 16);
  return w;
}

function sumCodes4(a: usize, w: usize, units: i32, to: usize): usize {
  return sumCodes(4, a, w, units, to);
}

function sumCodes2(a: usize, w: usize, units: i32, to: usize): usize {
  return sumCodes(2, a, w, units, to);
}

/** Σ x of a row as the dot reads bytes, in all lanes. */
export function sumOfRow(a: usize, units: i32): v128 {
  const ones = i8x16.splat(1);
  let sum = i32x4.splat(0);
  for (const end = a + <usize>units * 4; a < end; a += 4) {
    sum = dot(ones, v128.load32_splat(a), sum);
  }
  return sum;
}

/**
 * Accumulators of one row and the 8 columns of packed panel `w` to `to`; returns where the panel's
 * multipliers lie. `term`: −offset · Σ x.
 */
@inline
export function rowTimesPacked(
  p: GridParameters,
  a: usize,
  w: usize,
  term: v128,
  to: usize,
): usize {
  const bits = p.weightBits;
  const units = p.units;
  const tail = bits == 4 ? sumCodes4(a, w, units, to) : sumCodes2(a, w, units, to);
  v128.store(to, i32x4.add(i32x4.add(v128.load(to), v128.load(tail)), term));
  v128.store(to, i32x4.add(i32x4.add(v128.load(to, 16), v128.load(tail, 16)), term), 16);
  return tail + 32;
}
