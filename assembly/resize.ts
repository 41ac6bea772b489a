/**
 * Bilinear resizing, one output row after the other.
 *
 *     a b     upper = a + (b − a) · wx,  lower = c + (d − c) · wx
 *     c d     y = upper + (lower − upper) · wy
 *
 * Positions and weights are tables that the plan fills by the rule of rounding. An entry has three
 * 4-byte fields: offset in bytes of the low and the high neighbour, weight of the high one.
 *
 * Integers: weights are 0..one, one = 2^11 (rule fp32) or 2^10 (rule tflite-reference), and
 * sum = (a·(one − wx) + b·wx) · (one − wy) + (c·(one − wx) + d·wx) · wy ≤ 255 · 2^22 < 2^31 − half.
 * y = (sum + half) >> shift takes ties up; adding −1 to negative sums first takes them away from 0.
 */
import { interleaveHigh16, interleaveLow16 } from "./lanes";


@unmanaged
class ResizeParameters {
  x: usize;
  y: usize;
  rows: usize;
  columns: usize;
  images: i32;
  /** Bytes of one image of x. */
  imageBytes: i32;
  height: i32;
  width: i32;
  channels: i32;
  /** Integers: log2 of the weight that stands for 1. */
  weightBits: i32;
  /** Integers: −1 takes ties away from zero, 0 takes them up. */
  tiesAway: i32;
  tileRows: i32;
}


@unmanaged
class Position {
  low: i32;
  high: i32;
  /** Integers. */
  weight: i32;
}


@unmanaged
class FloatPosition {
  low: i32;
  high: i32;
  weight: f32;
}

/** The four channels of sum, rounded. */
@inline
function roundSum(sum: v128, half: v128, shift: i32, tiesAway: v128): v128 {
  const down = v128.and(i32x4.shr_s(sum, 31), tiesAway);
  return i32x4.shr_s(i32x4.add(i32x4.add(sum, half), down), shift);
}

/** Two int16 side by side in every 32-bit lane: the operand of `i32x4.dot_i16x8_s`. */
@inline
function splatPair(low: i32, high: i32): v128 {
  return i32x4.splat((low & 0xffff) | (high << 16));
}


@inline
function widen8<T>(from: usize): v128 {
  return isSigned<T>() ? v128.load_ext<i8>(from) : v128.load_ext<u8>(from);
}

/** Eight channels of one pixel: y[i] from a[i], b[i], c[i], d[i]. */
@inline
function blend8<T>(
  a: usize,
  b: usize,
  c: usize,
  d: usize,
  pairX: v128,
  lowY: v128,
  highY: v128,
  half: v128,
  shift: i32,
  tiesAway: v128,
): v128 {
  const a16 = widen8<T>(a);
  const b16 = widen8<T>(b);
  const c16 = widen8<T>(c);
  const d16 = widen8<T>(d);
  const upper0 = i32x4.dot_i16x8_s(interleaveLow16(a16, b16), pairX);
  const upper1 = i32x4.dot_i16x8_s(interleaveHigh16(a16, b16), pairX);
  const lower0 = i32x4.dot_i16x8_s(interleaveLow16(c16, d16), pairX);
  const lower1 = i32x4.dot_i16x8_s(interleaveHigh16(c16, d16), pairX);
  const sum0 = i32x4.add(i32x4.mul(upper0, lowY), i32x4.mul(lower0, highY));
  const sum1 = i32x4.add(i32x4.mul(upper1, lowY), i32x4.mul(lower1, highY));
  const y16 = i16x8.narrow_i32x4_s(
    roundSum(sum0, half, shift, tiesAway),
    roundSum(sum1, half, shift, tiesAway),
  );
  return isSigned<T>() ? i8x16.narrow_i16x8_s(y16, y16) : i8x16.narrow_i16x8_u(y16, y16);
}


@inline
function resizeIntegers<T>(parameters: usize, tile: i32): void {
  const p = changetype<ResizeParameters>(parameters);
  const channels = p.channels;
  const one = 1 << p.weightBits;
  const shift = 2 * p.weightBits;
  const half = 1 << (shift - 1);
  const start = tile * p.tileRows;
  const end = min(start + p.tileRows, p.images * p.height);
  let y = p.y + start * p.width * channels;
  for (let row = start; row < end; row++) {
    const image = p.x + (row / p.height) * p.imageBytes;
    const vertical = changetype<Position>(p.rows + (row % p.height) * 12);
    const upper = image + vertical.low;
    const lower = image + vertical.high;
    const wy = vertical.weight;
    for (let i = 0; i < p.width; i++) {
      const horizontal = changetype<Position>(p.columns + i * 12);
      const a = upper + horizontal.low;
      const b = upper + horizontal.high;
      const c = lower + horizontal.low;
      const d = lower + horizontal.high;
      const wx = horizontal.weight;
      if (channels >= 8) {
        const pairX = splatPair(one - wx, wx);
        const lowY = i32x4.splat(one - wy);
        const highY = i32x4.splat(wy);
        for (let k = 0; k < channels; k += 8) {
          // The last eight channels overlap the ones before.
          const at = min(k, channels - 8);
          const y8 = blend8<T>(
            a + at,
            b + at,
            c + at,
            d + at,
            pairX,
            lowY,
            highY,
            i32x4.splat(half),
            shift,
            i32x4.splat(p.tiesAway),
          );
          v128.store64_lane(y + at, y8, 0);
        }
      } else {
        for (let k = 0; k < channels; k++) {
          const up = <i32>load<T>(a + k) * (one - wx) + <i32>load<T>(b + k) * wx;
          const low = <i32>load<T>(c + k) * (one - wx) + <i32>load<T>(d + k) * wx;
          const sum = up * (one - wy) + low * wy;
          store<T>(y + k, <T>((sum + half + ((sum >> 31) & p.tiesAway)) >> shift));
        }
      }
      y += channels;
    }
  }
}

export function resize_bilinear_i8(parameters: usize, scratch: usize, tile: i32): void {
  resizeIntegers<i8>(parameters, tile);
}

export function resize_bilinear_u8(parameters: usize, scratch: usize, tile: i32): void {
  resizeIntegers<u8>(parameters, tile);
}


@inline
function mix4(a: v128, b: v128, weight: v128): v128 {
  return f32x4.add(a, f32x4.mul(f32x4.sub(b, a), weight));
}


@inline
function mix(a: f32, b: f32, weight: f32): f32 {
  return a + (b - a) * weight;
}

export function resize_bilinear_f32(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<ResizeParameters>(parameters);
  const bytes = p.channels << 2;
  const start = tile * p.tileRows;
  const end = min(start + p.tileRows, p.images * p.height);
  let y = p.y + start * p.width * bytes;
  for (let row = start; row < end; row++) {
    const image = p.x + (row / p.height) * p.imageBytes;
    const vertical = changetype<FloatPosition>(p.rows + (row % p.height) * 12);
    const upper = image + vertical.low;
    const lower = image + vertical.high;
    const wy = vertical.weight;
    for (let i = 0; i < p.width; i++) {
      const horizontal = changetype<FloatPosition>(p.columns + i * 12);
      const a = upper + horizontal.low;
      const b = upper + horizontal.high;
      const c = lower + horizontal.low;
      const d = lower + horizontal.high;
      const wx = horizontal.weight;
      if (bytes >= 16) {
        const x4 = f32x4.splat(wx);
        const y4 = f32x4.splat(wy);
        for (let k = 0; k < bytes; k += 16) {
          // The last four channels overlap the ones before.
          const at = min(k, bytes - 16);
          const up = mix4(v128.load(a + at), v128.load(b + at), x4);
          const low = mix4(v128.load(c + at), v128.load(d + at), x4);
          v128.store(y + at, mix4(up, low, y4));
        }
      } else {
        for (let k = 0; k < bytes; k += 4) {
          const up = mix(load<f32>(a + k), load<f32>(b + k), wx);
          const low = mix(load<f32>(c + k), load<f32>(d + k), wx);
          store<f32>(y + k, mix(up, low, wy));
        }
      }
      y += bytes;
    }
  }
}
