/**
 * add, sub and mul of 8-bit codes in rule `tflite-reference`, and where XNNPACK declines the scales:
 * gemmlowp's double rounding. Terms are made one at a time, their rounding four at a time.
 */
import {
  columnsOf,
  endRow,
  firstColumn,
  firstRow,
  BroadcastParameters,
  rowOfA,
  rowOfB,
} from "./elementwise-grid";
import { storePart128 } from "./lanes";
import { multiplyByQuantizedMultipliers } from "./requantize/fixed-point";


@unmanaged
class FixedElementwiseParameters extends BroadcastParameters {
  /** 0x80808080 for uint8, else 0; zero points and limits are those of the flipped codes. */
  flip: i32;
  aZeroPoint: i32;
  bZeroPoint: i32;
  zeroPoint: i32;
  low: i32;
  high: i32;
  q: i32;
  exponent: i32;
  /** add: int32[256] of each operand, by code: ± MBQM(a1 · 2^20, M_a). */
  aTable: usize;
  bTable: usize;
}

/** What a pair of codes becomes before the multiplier: a term of each operand, or their product. */
const ADD: i32 = 0;
const MUL: i32 = 1;

/** aTable[a] + bTable[b]: codes as they are. */
@inline
function sumAt(p: FixedElementwiseParameters, a: usize, b: usize): i32 {
  return (
    load<i32>(p.aTable + ((<usize>load<u8>(a)) << 2)) +
    load<i32>(p.bTable + ((<usize>load<u8>(b)) << 2))
  );
}

/** a1 · b1 */
@inline
function productAt(p: FixedElementwiseParameters, a: usize, b: usize): i32 {
  const flip = <i8>p.flip;
  return (<i32>(load<i8>(a) ^ flip) - p.aZeroPoint) * (<i32>(load<i8>(b) ^ flip) - p.bZeroPoint);
}


@inline
function termAt(p: FixedElementwiseParameters, a: usize, b: usize, operation: i32): i32 {
  return operation == ADD ? sumAt(p, a, b) : productAt(p, a, b);
}

/** Four results less the zero point, clamped. */
@inline
function four(p: FixedElementwiseParameters, a: usize, b: usize, operation: i32): v128 {
  let sums = i32x4.splat(termAt(p, a, b, operation));
  a += p.aStep;
  b += p.bStep;
  sums = i32x4.replace_lane(sums, 1, termAt(p, a, b, operation));
  a += p.aStep;
  b += p.bStep;
  sums = i32x4.replace_lane(sums, 2, termAt(p, a, b, operation));
  a += p.aStep;
  b += p.bStep;
  sums = i32x4.replace_lane(sums, 3, termAt(p, a, b, operation));
  const q = i32x4.splat(p.q);
  const scaled = multiplyByQuantizedMultipliers(sums, q, max(p.exponent, 0), max(-p.exponent, 0));
  // Clamped before the zero point is added: the sum may leave int32.
  const low = i32x4.splat(p.low - p.zeroPoint);
  const high = i32x4.splat(p.high - p.zeroPoint);
  return i32x4.min_s(i32x4.max_s(scaled, low), high);
}


@inline
function elementwise_fixed(parameters: usize, tile: i32, operation: i32): void {
  const p = changetype<FixedElementwiseParameters>(parameters);
  const flip = i32x4.splat(p.flip);
  const zeroPoint = i16x8.splat(<i16>p.zeroPoint);
  const column = firstColumn(p, tile);
  const end = endRow(p, tile);
  for (let row = firstRow(p, tile); row < end; row++) {
    let a = rowOfA(p, row, column);
    let b = rowOfB(p, row, column);
    let y = p.y + row * p.inner + column;
    for (let left = columnsOf(p, tile); left > 0; left -= 8) {
      const first = four(p, a, b, operation);
      const second = four(p, a + 4 * p.aStep, b + 4 * p.bStep, operation);
      const codes = i16x8.add(i16x8.narrow_i32x4_s(first, second), zeroPoint);
      const bytes = v128.xor(i8x16.narrow_i16x8_s(codes, codes), flip);
      storePart128(y, bytes, min(left, 8));
      a += 8 * p.aStep;
      b += 8 * p.bStep;
      y += 8;
    }
  }
}

/** y = sat(MBQM(aTable[a] + bTable[b], (q, exponent)) + z_y) */
export function add_i8_fixed(parameters: usize, scratch: usize, tile: i32): void {
  elementwise_fixed(parameters, tile, ADD);
}

/** y = sat(MBQM(a1 · b1, (q, exponent)) + z_y) */
export function mul_i8_fixed(parameters: usize, scratch: usize, tile: i32): void {
  elementwise_fixed(parameters, tile, MUL);
}
