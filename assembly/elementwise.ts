/**
 * Two operands, one result, 8-bit codes: add, sub (an add with a negated factor), mul, maximum,
 * minimum in rule `fp32`, 16 elements at a time.
 *
 * uint8 codes are flipped to int8 at the loads and back at the store (`flip`); zero points and limits
 * are then those of int8.
 */
import {
  columnsOf,
  endRow,
  firstColumn,
  firstRow,
  BroadcastParameters,
  rowOfA,
  rowOfB,
  spread,
  vectorStep,
} from "./elementwise-grid";
import {
  interleaveHigh16,
  interleaveHigh8,
  interleaveLow16,
  interleaveLow8,
  storePart128,
} from "./lanes";
import { baseOf, floorOf, magicOf, requantizeMagic } from "./requantize/fp32";


@unmanaged
class ElementwiseParameters extends BroadcastParameters {
  /** 0x80808080 for uint8, else 0. */
  flip: i32;
  /** Zero points of a and b, and of y. */
  aZeroPoint: i32;
  bZeroPoint: i32;
  zeroPoint: i32;
  low: i32;
  high: i32;
  /** mul: f32(f32(s_a · s_b) / s_y). */
  multiplier: f32;
  /** add: factors of a and b as pairs of int16, coarse · 2^12 + fine. */
  coarse: i32;
  fine: i32;
  /** add: 2^(shift − 1) less the factors times the zero points. */
  bias: i32;
  shift: i32;
}

/** What one vector of codes of a and b becomes. */
const ADD: i32 = 0;
const MUL: i32 = 1;
const MAXIMUM: i32 = 2;
const MINIMUM: i32 = 3;

/** Four sums: ((a·A + b·B + bias) >> shift), A and B of 21 bits, from pairs (a, b) of int16. */
@inline
function weighted(pairs: v128, coarse: v128, fine: v128, bias: v128, shift: i32): v128 {
  const high = i32x4.shl(i32x4.dot_i16x8_s(pairs, coarse), 12);
  const low = i32x4.add(i32x4.dot_i16x8_s(pairs, fine), bias);
  return i32x4.shr_s(i32x4.add(high, low), shift);
}

/** Four products of int16 lanes, one of each pair zeroed: exact, |a·b| ≤ 255². */
@inline
function productsLow(a: v128, b: v128): v128 {
  return i32x4.dot_i16x8_s(interleaveLow16(a, i16x8.splat(0)), interleaveLow16(b, b));
}


@inline
function productsHigh(a: v128, b: v128): v128 {
  return i32x4.dot_i16x8_s(interleaveHigh16(a, i16x8.splat(0)), interleaveHigh16(b, b));
}


@inline
function elementwise(parameters: usize, scratch: usize, tile: i32, operation: i32): void {
  const p = changetype<ElementwiseParameters>(parameters);
  const flip = i32x4.splat(p.flip);
  const low = i8x16.splat(<i8>p.low);
  const high = i8x16.splat(<i8>p.high);
  // Constants of one operation each; the others' are never made.
  const coarse = i32x4.splat(p.coarse);
  const fine = i32x4.splat(p.fine);
  const bias = i32x4.splat(p.bias);
  const shift = p.shift;
  const zero = i16x8.splat(<i16>p.zeroPoint);
  const za = i16x8.splat(<i16>p.aZeroPoint);
  const zb = i16x8.splat(<i16>p.bZeroPoint);
  const multiplier = f32x4.splat(p.multiplier);
  const floor = floorOf(p.low, p.zeroPoint);
  const base = baseOf(p.zeroPoint);
  const magic = magicOf(base, p.zeroPoint);
  const column = firstColumn(p, tile);
  const aStep = vectorStep(p.aStep);
  const bStep = vectorStep(p.bStep);
  const end = endRow(p, tile);
  for (let row = firstRow(p, tile); row < end; row++) {
    let a = spread<i8>(rowOfA(p, row, column), p.aStep, scratch);
    let b = spread<i8>(rowOfB(p, row, column), p.bStep, scratch + 16);
    let y = p.y + row * p.inner + column;
    for (let left = columnsOf(p, tile); left > 0; left -= 16) {
      const u = v128.xor(v128.load(a), flip);
      const v = v128.xor(v128.load(b), flip);
      let codes: v128;
      if (operation == ADD) {
        const first = interleaveLow8(u, v);
        const second = interleaveHigh8(u, v);
        const s0 = weighted(i16x8.extend_low_i8x16_s(first), coarse, fine, bias, shift);
        const s1 = weighted(i16x8.extend_high_i8x16_s(first), coarse, fine, bias, shift);
        const s2 = weighted(i16x8.extend_low_i8x16_s(second), coarse, fine, bias, shift);
        const s3 = weighted(i16x8.extend_high_i8x16_s(second), coarse, fine, bias, shift);
        codes = i8x16.narrow_i16x8_s(
          i16x8.add_sat_s(i16x8.narrow_i32x4_s(s0, s1), zero),
          i16x8.add_sat_s(i16x8.narrow_i32x4_s(s2, s3), zero),
        );
      } else if (operation == MUL) {
        const ul = i16x8.sub(i16x8.extend_low_i8x16_s(u), za);
        const uh = i16x8.sub(i16x8.extend_high_i8x16_s(u), za);
        const vl = i16x8.sub(i16x8.extend_low_i8x16_s(v), zb);
        const vh = i16x8.sub(i16x8.extend_high_i8x16_s(v), zb);
        const s0 = requantizeMagic(productsLow(ul, vl), multiplier, magic, floor, base);
        const s1 = requantizeMagic(productsHigh(ul, vl), multiplier, magic, floor, base);
        const s2 = requantizeMagic(productsLow(uh, vh), multiplier, magic, floor, base);
        const s3 = requantizeMagic(productsHigh(uh, vh), multiplier, magic, floor, base);
        codes = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(s0, s1), i16x8.narrow_i32x4_s(s2, s3));
      } else if (operation == MAXIMUM) {
        codes = i8x16.max_s(u, v);
      } else {
        codes = i8x16.min_s(u, v);
      }
      codes = v128.xor(i8x16.min_s(i8x16.max_s(codes, low), high), flip);
      storePart128(y, codes, left);
      a += aStep;
      b += bStep;
      y += 16;
    }
  }
}

/** y = sat(((2^(S−1) + A·a1 + B·b1) >> S) + z_y); −A·z_a − B·z_b lies in `bias`. */
export function add_i8(parameters: usize, scratch: usize, tile: i32): void {
  elementwise(parameters, scratch, tile, ADD);
}

/** y = sat(RNE(f32(f32(a1·b1) · m)) + z_y) */
export function mul_i8(parameters: usize, scratch: usize, tile: i32): void {
  elementwise(parameters, scratch, tile, MUL);
}

export function maximum_i8(parameters: usize, scratch: usize, tile: i32): void {
  elementwise(parameters, scratch, tile, MAXIMUM);
}

export function minimum_i8(parameters: usize, scratch: usize, tile: i32): void {
  elementwise(parameters, scratch, tile, MINIMUM);
}
