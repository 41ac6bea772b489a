/**
 * add, sub and mul of 8-bit codes in rule `tflite-reference`, and where XNNPACK declines the scales:
 * gemmlowp's double rounding, one element at a time.
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
import { requantizeFixed } from "./requantize";


@unmanaged
class FixedElementwiseParameters extends BroadcastParameters {
  /** mul: 0x80808080 for uint8, else 0, and the zero points of the flipped codes. */
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

/** y = sat(MBQM(aTable[a] + bTable[b], (q, exponent)) + z_y), codes as they are. */
export function add_i8_fixed(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<FixedElementwiseParameters>(parameters);
  const column = firstColumn(p, tile);
  const end = endRow(p, tile);
  for (let row = firstRow(p, tile); row < end; row++) {
    let a = rowOfA(p, row, column);
    let b = rowOfB(p, row, column);
    let y = p.y + row * p.inner + column;
    for (let left = columnsOf(p, tile); left > 0; left--) {
      const sum =
        load<i32>(p.aTable + ((<usize>load<u8>(a)) << 2)) +
        load<i32>(p.bTable + ((<usize>load<u8>(b)) << 2));
      store<u8>(y, <u8>requantizeFixed(sum, p.q, p.exponent, p.zeroPoint, p.low, p.high));
      a += p.aStep;
      b += p.bStep;
      y++;
    }
  }
}

/** y = sat(MBQM(a1·b1, (q, exponent)) + z_y) */
export function mul_i8_fixed(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<FixedElementwiseParameters>(parameters);
  const flip = <i8>p.flip;
  const column = firstColumn(p, tile);
  const end = endRow(p, tile);
  for (let row = firstRow(p, tile); row < end; row++) {
    let a = rowOfA(p, row, column);
    let b = rowOfB(p, row, column);
    let y = p.y + row * p.inner + column;
    for (let left = columnsOf(p, tile); left > 0; left--) {
      const product =
        (<i32>(load<i8>(a) ^ flip) - p.aZeroPoint) * (<i32>(load<i8>(b) ^ flip) - p.bZeroPoint);
      const code = requantizeFixed(product, p.q, p.exponent, p.zeroPoint, p.low, p.high);
      store<i8>(y, (<i8>code) ^ flip);
      a += p.aStep;
      b += p.bStep;
      y++;
    }
  }
}
