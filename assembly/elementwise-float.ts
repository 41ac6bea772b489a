/** Two float32 operands, one result, then the clamp of the activation: 4 elements at a time. */
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
import { storePart128 } from "./lanes";


@unmanaged
class FloatElementwiseParameters extends BroadcastParameters {
  low: f32;
  high: f32;
}

/** What a pair of vectors becomes. */
const ADD: i32 = 0;
const SUB: i32 = 1;
const MUL: i32 = 2;
const DIV: i32 = 3;
const MAXIMUM: i32 = 4;
const MINIMUM: i32 = 5;
const PRELU: i32 = 6;


@inline
function combine(u: v128, v: v128, operation: i32): v128 {
  if (operation == ADD) return f32x4.add(u, v);
  if (operation == SUB) return f32x4.sub(u, v);
  if (operation == MUL) return f32x4.mul(u, v);
  if (operation == DIV) return f32x4.div(u, v);
  if (operation == PRELU) {
    return v128.bitselect(u, f32x4.mul(u, v), f32x4.ge(u, f32x4.splat(0)));
  }
  // u > v ? u : v and u < v ? u : v: the second operand where they do not compare.
  if (operation == MAXIMUM) return f32x4.pmax(v, u);
  return f32x4.pmin(v, u);
}


@inline
function elementwise_f32(parameters: usize, scratch: usize, tile: i32, operation: i32): void {
  const p = changetype<FloatElementwiseParameters>(parameters);
  const low = f32x4.splat(p.low);
  const high = f32x4.splat(p.high);
  const column = firstColumn(p, tile);
  const aStep = vectorStep(p.aStep);
  const bStep = vectorStep(p.bStep);
  const end = endRow(p, tile);
  for (let row = firstRow(p, tile); row < end; row++) {
    let a = spread<f32>(rowOfA(p, row, column), p.aStep, scratch);
    let b = spread<f32>(rowOfB(p, row, column), p.bStep, scratch + 16);
    let y = p.y + ((row * p.inner + column) << 2);
    for (let left = columnsOf(p, tile) << 2; left > 0; left -= 16) {
      const value = combine(v128.load(a), v128.load(b), operation);
      storePart128(y, f32x4.pmin(f32x4.pmax(value, low), high), left);
      a += aStep;
      b += bStep;
      y += 16;
    }
  }
}

export function add_f32(parameters: usize, scratch: usize, tile: i32): void {
  elementwise_f32(parameters, scratch, tile, ADD);
}

export function sub_f32(parameters: usize, scratch: usize, tile: i32): void {
  elementwise_f32(parameters, scratch, tile, SUB);
}

export function mul_f32(parameters: usize, scratch: usize, tile: i32): void {
  elementwise_f32(parameters, scratch, tile, MUL);
}

export function div_f32(parameters: usize, scratch: usize, tile: i32): void {
  elementwise_f32(parameters, scratch, tile, DIV);
}

export function maximum_f32(parameters: usize, scratch: usize, tile: i32): void {
  elementwise_f32(parameters, scratch, tile, MAXIMUM);
}

export function minimum_f32(parameters: usize, scratch: usize, tile: i32): void {
  elementwise_f32(parameters, scratch, tile, MINIMUM);
}

/** y = a ≥ 0 ? a : f32(a · b) */
export function prelu_f32(parameters: usize, scratch: usize, tile: i32): void {
  elementwise_f32(parameters, scratch, tile, PRELU);
}
