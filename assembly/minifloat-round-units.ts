/**
 * Float32 values, and sums of two, rounded to FP6 E2M3 or FP4 E2M1 in the format's unit, as bytes: what
 * `round_f32_i8` does, for values that the plan knows to be numbers below 2^22 units, so that nothing has to be
 * looked for. A sum is also stored as it is if others read it.
 */
import { storePart128 } from "./lanes";


@unmanaged
class UnitParameters {
  x: usize;
  y: usize;
  count: i32;
  /** Values of a tile, a multiple of 16. */
  tileCount: i32;
  /** A mask of the bytes of y that have their top bit flipped. */
  flip: i32;
  /** What one unit stands for. */
  scale: f32;
  /** The largest number, and where steps of 1 end, in units. */
  max: f32;
  unit: f32;
}


@unmanaged
class UnitSumParameters extends UnitParameters {
  other: usize;
  /** Where sums are stored, or 0. */
  sums: usize;
  low: f32;
  high: f32;
}

/** 1.5 · 2^23: added to |f| ≤ 2^22 it rounds f to an integer, ties to even. */
const MAGIC: f32 = 12582912.0;
const MAGIC_BITS: i32 = 0x4b400000;
/** Of a float32: 2^e. */
const EXPONENT: i32 = 0x7f800000;

/**
 * Four values → integers. `binade`: bits of the last power of two with steps of 1; `more`: what makes it the
 * bits of MAGIC, and those of larger powers a multiple of MAGIC that rounds to steps of as many.
 */
@inline
function units4(x: v128, scale: v128, binade: v128, more: v128): v128 {
  const value = f32x4.div(x, scale);
  const own = i32x4.max_s(v128.and(value, i32x4.splat(EXPONENT)), binade);
  const step = i32x4.add(own, more);
  const rounded = f32x4.sub(f32x4.add(value, step), step);
  return i32x4.sub(f32x4.add(rounded, f32x4.splat(MAGIC)), i32x4.splat(MAGIC_BITS));
}


@inline
function bytes16(a: v128, b: v128, c: v128, d: v128, max: v128, flip: v128): v128 {
  const bytes = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
  return v128.xor(i8x16.max_s(i8x16.min_s(bytes, max), i8x16.neg(max)), flip);
}


@inline
function stepBits(p: UnitParameters): i32 {
  return reinterpret<i32>(p.unit * 0.5);
}

export function round_units_f32_i8(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<UnitParameters>(parameters);
  const start = tile * p.tileCount;
  const scale = f32x4.splat(p.scale);
  const binade = i32x4.splat(stepBits(p));
  const more = i32x4.splat(MAGIC_BITS - stepBits(p));
  const max = i8x16.splat(<i8>p.max);
  const flip = i32x4.splat(p.flip);
  let x = p.x + ((start as usize) << 2);
  let y = p.y + (start as usize);
  let left = min(p.tileCount, p.count - start);
  do {
    const a = units4(v128.load(x), scale, binade, more);
    const b = units4(v128.load(x, 16), scale, binade, more);
    const c = units4(v128.load(x, 32), scale, binade, more);
    const d = units4(v128.load(x, 48), scale, binade, more);
    const bytes = bytes16(a, b, c, d, max, flip);
    if (left >= 16) v128.store(y, bytes);
    else storePart128(y, bytes, left);
    x += 64;
    y += 16;
    left -= 16;
  } while (left > 0);
}

/** Units of a + b, in the order of 16 values, at a multiple of 16 bytes. */
@inline
function sum4(a: usize, b: usize, low: v128, high: v128): v128 {
  return f32x4.pmin(f32x4.pmax(f32x4.add(v128.load(a), v128.load(b)), low), high);
}

/** y = units of clamp(f32(x + other)). */
export function add_f32_units_i8(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<UnitSumParameters>(parameters);
  const start = tile * p.tileCount;
  const scale = f32x4.splat(p.scale);
  const binade = i32x4.splat(stepBits(p));
  const more = i32x4.splat(MAGIC_BITS - stepBits(p));
  const max = i8x16.splat(<i8>p.max);
  const flip = i32x4.splat(p.flip);
  const low = f32x4.splat(p.low);
  const high = f32x4.splat(p.high);
  const isStored = p.sums != 0;
  let sums = p.sums + ((start as usize) << 2);
  let x = p.x + ((start as usize) << 2);
  let other = p.other + ((start as usize) << 2);
  let y = p.y + (start as usize);
  let left = min(p.tileCount, p.count - start);
  do {
    const a = sum4(x, other, low, high);
    const b = sum4(x + 16, other + 16, low, high);
    const c = sum4(x + 32, other + 32, low, high);
    const d = sum4(x + 48, other + 48, low, high);
    const bytes = bytes16(
      units4(a, scale, binade, more),
      units4(b, scale, binade, more),
      units4(c, scale, binade, more),
      units4(d, scale, binade, more),
      max,
      flip,
    );
    if (left >= 16) {
      v128.store(y, bytes);
      if (isStored) {
        v128.store(sums, a);
        v128.store(sums, b, 16);
        v128.store(sums, c, 32);
        v128.store(sums, d, 48);
      }
    } else {
      storePart128(y, bytes, left);
      if (isStored) {
        storePart128(sums, a, left << 2);
        if (left > 4) storePart128(sums + 16, b, (left - 4) << 2);
        if (left > 8) storePart128(sums + 32, c, (left - 8) << 2);
        if (left > 12) storePart128(sums + 48, d, (left - 12) << 2);
      }
    }
    x += 64;
    other += 64;
    sums += 64;
    y += 16;
    left -= 16;
  } while (left > 0);
}
