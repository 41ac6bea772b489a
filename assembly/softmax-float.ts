/**
 * Softmax of float32 over rows: e = f32(exp(f32(f32(x − max) · beta))), their sum in float32 in index order,
 * y = f32(e / sum). The exponential is that of `src/operators/elementary.ts`, operation by operation in
 * float64, two at a time.
 */
import { storePart128 } from "./lanes";


@unmanaged
class SoftmaxFloatParameters {
  x: usize;
  y: usize;
  rows: i32;
  classes: i32;
  tileRows: i32;
  beta: f32;
}

const LN2_HIGH: f64 = 0.6931471803691238;
const LN2_LOW: f64 = 1.9082149292705877e-10;
const LOG2_E: f64 = 1.4426950408889634;

/** 2^k of two int64 in the normal range. */
@inline
function powers(k: v128): v128 {
  return i64x2.shl(i64x2.add(k, i64x2.splat(1023)), 52);
}

/** e^x of two float64. */
function exp2(x: v128): v128 {
  const k = f64x2.floor(f64x2.add(f64x2.mul(x, f64x2.splat(LOG2_E)), f64x2.splat(0.5)));
  const high = f64x2.sub(x, f64x2.mul(k, f64x2.splat(LN2_HIGH)));
  const r = f64x2.sub(high, f64x2.mul(k, f64x2.splat(LN2_LOW)));
  let sum = f64x2.splat(0);
  for (let n: f64 = 17; n > 0; n -= 1) {
    sum = f64x2.mul(f64x2.add(sum, f64x2.splat(1)), f64x2.div(r, f64x2.splat(n)));
  }
  const whole = i64x2.extend_low_i32x4_s(i32x4.trunc_sat_f64x2_s_zero(k));
  const half = i64x2.shr_s(whole, 1);
  const scaled = f64x2.mul(f64x2.add(sum, f64x2.splat(1)), powers(half));
  const power = f64x2.mul(scaled, powers(i64x2.sub(whole, half)));
  const isLarge = f64x2.gt(x, f64x2.splat(709.79));
  const bounded = v128.bitselect(f64x2.splat(Infinity), power, isLarge);
  return v128.andnot(bounded, f64x2.lt(x, f64x2.splat(-745.14)));
}


@inline
function exp4(x: v128): v128 {
  const low = f32x4.demote_f64x2_zero(exp2(f64x2.promote_low_f32x4(x)));
  const upper = v128.shuffle<i64>(x, x, 1, 1);
  const high = f32x4.demote_f64x2_zero(exp2(f64x2.promote_low_f32x4(upper)));
  return v128.shuffle<i64>(low, high, 0, 2);
}

export function softmax_f32(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<SoftmaxFloatParameters>(parameters);
  const first = tile * p.tileRows;
  const last = min(first + p.tileRows, p.rows);
  const bytes = (<usize>p.classes) << 2;
  const slope = f32x4.splat(p.beta);
  for (let row = first; row < last; row++) {
    const x = p.x + <usize>row * bytes;
    const y = p.y + <usize>row * bytes;
    let most = load<f32>(x);
    for (let at: usize = 4; at < bytes; at += 4) {
      const value = load<f32>(x + at);
      if (value > most) most = value;
    }
    const mosts = f32x4.splat(most);
    for (let at: usize = 0; at < bytes; at += 16) {
      const power = exp4(f32x4.mul(f32x4.sub(v128.load(x + at), mosts), slope));
      storePart128(y + at, power, <i32>(bytes - at));
    }
    let sum: f32 = 0;
    for (let at: usize = 0; at < bytes; at += 4) sum += load<f32>(y + at);
    const sums = f32x4.splat(sum);
    for (let at: usize = 0; at < bytes; at += 16) {
      const share = f32x4.div(v128.load(y + at), sums);
      // One NaN for all.
      const own = v128.bitselect(share, i32x4.splat(0x7fc00000), f32x4.eq(share, share));
      storePart128(y + at, own, <i32>(bytes - at));
    }
  }
}
