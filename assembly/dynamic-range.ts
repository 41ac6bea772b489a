/**
 * The ends of layers with float32 activations beside integer weights, which quantize each part of their
 * input (an image, a pixel, a row) when it is there: `src/operators/dynamic-range.ts` has the formulas.
 *
 *     x ── quantize_parts_f32 ─▶ q − z as float32, one scale a part
 *       ── gemm, conv or igemm of float32 ─▶ Σ (q − z) · w, exact: below 2^24 by the plan's proof
 *       ── scale_parts_f32 ─▶ clamp(f32(f32(Σ · f32(s_x · s_w)) + bias))
 */
import { storePart128 } from "./lanes";
import { finishFloat } from "./minifloat-output";

/** How a part is quantized. */
const DEFAULT: i32 = 0;
const SYMMETRIC: i32 = 1;

/** The ends of int8. */
const LOWEST: f32 = -128;
const HIGHEST: f32 = 127;


@unmanaged
class QuantizePartsParameters {
  x: usize;
  y: usize;
  /** One float32 a part. */
  scales: usize;
  parts: i32;
  /** Elements of a part. */
  size: i32;
  tileParts: i32;
  rule: i32;
}

/** Smallest and largest of a part and 0; NaN takes no part. */
@inline
function leastOf(x: usize, size: i32): f32 {
  let least: f32 = 0;
  let all = f32x4.splat(0);
  let left = size;
  for (; left >= 4; left -= 4) {
    all = f32x4.pmin(all, v128.load(x));
    x += 16;
  }
  for (; left > 0; left--) {
    if (load<f32>(x) < least) least = load<f32>(x);
    x += 4;
  }
  const pairs = f32x4.pmin(all, v128.shuffle<i64>(all, all, 1, 0));
  return min(least, min(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1)));
}


@inline
function mostOf(x: usize, size: i32): f32 {
  let most: f32 = 0;
  let all = f32x4.splat(0);
  let left = size;
  for (; left >= 4; left -= 4) {
    all = f32x4.pmax(all, v128.load(x));
    x += 16;
  }
  for (; left > 0; left--) {
    if (load<f32>(x) > most) most = load<f32>(x);
    x += 4;
  }
  const pairs = f32x4.pmax(all, v128.shuffle<i64>(all, all, 1, 0));
  return max(most, max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1)));
}

/** Ties away from zero, NaN as 0. */
@inline
function roundAway(values: v128): v128 {
  const whole = f32x4.trunc(values);
  const isUp = f32x4.ge(f32x4.abs(f32x4.sub(values, whole)), f32x4.splat(0.5));
  const sign = v128.and(values, i32x4.splat(0x80000000));
  const step = v128.and(v128.or(f32x4.splat(1), sign), isUp);
  return v128.and(f32x4.add(whole, step), f32x4.eq(values, values));
}


@inline
function roundAway64(value: f64): f64 {
  const whole = trunc(value);
  if (value != value) return 0;
  return abs(value - whole) >= 0.5 ? whole + copysign<f64>(1, value) : whole;
}


@inline
function clampTo(values: v128, low: f32, high: f32): v128 {
  return f32x4.min(f32x4.max(values, f32x4.splat(low)), f32x4.splat(high));
}

/** XNNPACK's: codes per unit, the zero point at the more precise end, ties to even. */
function quantizeDefault(x: usize, y: usize, size: i32): f32 {
  const low = leastOf(x, size);
  const high = mostOf(x, size);
  const perUnit: f32 = low == high ? 1 : <f32>255 / (high - low);
  const lowCodes = low * perUnit;
  const highCodes = high * perUnit;
  const isLowPrecise = LOWEST + lowCodes + (HIGHEST + highCodes) > 0;
  const exact: f32 = isLowPrecise ? LOWEST - lowCodes : HIGHEST - highCodes;
  const zeroPoint = nearest<f32>(min<f32>(max<f32>(exact, LOWEST), HIGHEST));
  for (let left = size; left > 0; left -= 4) {
    const steps = f32x4.mul(v128.load(x), f32x4.splat(perUnit));
    const codes = f32x4.nearest(clampTo(steps, LOWEST - zeroPoint, HIGHEST - zeroPoint));
    storePart128(y, v128.and(codes, f32x4.eq(codes, codes)), left << 2);
    x += 16;
    y += 16;
  }
  return <f32>1 / perUnit;
}

/** ±127 for ±max|x|. */
function quantizeSymmetric(x: usize, y: usize, size: i32): f32 {
  const range = max<f32>(-leastOf(x, size), mostOf(x, size));
  const inverse: f32 = range == 0 ? 0 : HIGHEST / range;
  for (let left = size; left > 0; left -= 4) {
    const codes = roundAway(f32x4.mul(v128.load(x), f32x4.splat(inverse)));
    storePart128(y, clampTo(codes, -127, 127), left << 2);
    x += 16;
    y += 16;
  }
  return range == 0 ? <f32>1 : range / HIGHEST;
}

/** The zero point of the end with the smaller rounding error, found in float64. */
function quantizeAsymmetric(x: usize, y: usize, size: i32): f32 {
  const low = leastOf(x, size);
  const high = mostOf(x, size);
  const isZero = low == high;
  const step = (<f64>high - <f64>low) / 255;
  const lowError = 128 + abs(<f64>low / step);
  const highError = 127 + abs(<f64>high / step);
  const exact = lowError < highError ? -128 - <f64>low / step : 127 - <f64>high / step;
  const zeroPoint: f32 = isZero ? <f32>0 : <f32>min<f64>(max<f64>(roundAway64(exact), -128), 127);
  const scale: f32 = isZero ? <f32>1 : <f32>step;
  const inverse: f32 = isZero ? <f32>0 : <f32>1 / scale;
  const zero = f32x4.splat(zeroPoint);
  for (let left = size; left > 0; left -= 4) {
    const steps = f32x4.add(zero, f32x4.mul(v128.load(x), f32x4.splat(inverse)));
    const codes = clampTo(roundAway(steps), -128, 127);
    storePart128(y, f32x4.sub(codes, zero), left << 2);
    x += 16;
    y += 16;
  }
  return scale;
}

export function quantize_parts_f32(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<QuantizePartsParameters>(parameters);
  const end = min((tile + 1) * p.tileParts, p.parts);
  for (let part = tile * p.tileParts; part < end; part++) {
    const offset = ((part * p.size) as usize) << 2;
    const x = p.x + offset;
    const y = p.y + offset;
    let scale: f32;
    if (p.rule == DEFAULT) scale = quantizeDefault(x, y, p.size);
    else if (p.rule == SYMMETRIC) scale = quantizeSymmetric(x, y, p.size);
    else scale = quantizeAsymmetric(x, y, p.size);
    store<f32>(p.scales + (part << 2), scale);
  }
}


@unmanaged
class ScalePartsParameters {
  x: usize;
  y: usize;
  scales: usize;
  /** One of each per channel. */
  multipliers: usize;
  biases: usize;
  m: i32;
  tileRows: i32;
  /** Rows with one scale. */
  partRows: i32;
  channels: i32;
  low: f32;
  high: f32;
}

/** Rows of sums of `channels`. */
export function scale_parts_f32(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<ScalePartsParameters>(parameters);
  const first = tile * p.tileRows;
  const last = min(first + p.tileRows, p.m);
  const low = f32x4.splat(p.low);
  const high = f32x4.splat(p.high);
  const bytes = (p.channels as usize) << 2;
  let x = p.x + (first as usize) * bytes;
  let y = p.y + (first as usize) * bytes;
  for (let row = first; row < last; row++) {
    const scale = f32x4.splat(load<f32>(p.scales + ((row / p.partRows) << 2)));
    for (let at: usize = 0; at < bytes; at += 16) {
      const multiplier = f32x4.mul(scale, v128.load(p.multipliers + at));
      const scaled = f32x4.mul(v128.load(x + at), multiplier);
      const value = finishFloat(scaled, v128.load(p.biases + at), low, high);
      storePart128(y + at, value, (bytes - at) as i32);
    }
    x += bytes;
    y += bytes;
  }
}
