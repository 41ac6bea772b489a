/** Functions of one float32 that take a few roundings: the steps of their `reference()`, 4 at a time. */
import { storePart128 } from "./lanes";


@unmanaged
class UnaryFloatParameters {
  x: usize;
  y: usize;
  /** Elements, and elements of a tile. */
  size: i32;
  tileSize: i32;
  /** LeakyRelu: the slope of numbers below 0. */
  alpha: f32;
}

const LEAKY_RELU: i32 = 0;
const HARD_SWISH: i32 = 1;
const SQRT: i32 = 2;


@inline
function apply(x: v128, alpha: v128, operation: i32): v128 {
  if (operation == SQRT) return f32x4.sqrt(x);
  if (operation == LEAKY_RELU) {
    return v128.bitselect(x, f32x4.mul(x, alpha), f32x4.ge(x, f32x4.splat(0)));
  }
  const above = f32x4.pmax(f32x4.add(x, f32x4.splat(3)), f32x4.splat(0));
  const gate = f32x4.pmin(above, f32x4.splat(6));
  return f32x4.div(f32x4.mul(x, gate), f32x4.splat(6));
}


@inline
function unary_f32(parameters: usize, tile: i32, operation: i32): void {
  const p = changetype<UnaryFloatParameters>(parameters);
  const start = tile * p.tileSize;
  const alpha = f32x4.splat(p.alpha);
  let x = p.x + (start << 2);
  let y = p.y + (start << 2);
  for (let left = min(p.tileSize, p.size - start) << 2; left > 0; left -= 16) {
    storePart128(y, apply(v128.load(x), alpha, operation), left);
    x += 16;
    y += 16;
  }
}

/** y = x ≥ 0 ? x : f32(x · alpha) */
export function leaky_relu_f32(parameters: usize, scratch: usize, tile: i32): void {
  unary_f32(parameters, tile, LEAKY_RELU);
}

/** y = f32(f32(x · min(max(f32(x + 3), 0), 6)) / 6) */
export function hard_swish_f32(parameters: usize, scratch: usize, tile: i32): void {
  unary_f32(parameters, tile, HARD_SWISH);
}

export function sqrt_f32(parameters: usize, scratch: usize, tile: i32): void {
  unary_f32(parameters, tile, SQRT);
}
