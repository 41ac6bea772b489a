/**
 * RoundBlocks: each block of 32 float32 values of a row, or fewer at its end, to the numbers of a format that
 * are nearest to them, with the block's own scale 2^(⌊log2 of the largest⌋ − exponent of the format's largest).
 *
 * The scale's E8M0 code is the exponent field of the largest magnitude less `exponent`, at least 0: the floor
 * of the logarithm is in the bits, and the subnormals' field of 0 ends at the smallest scale like all small
 * ones. Scale and 1 / scale are powers of two, so that products with them are exact; below a
 * float32's normal numbers x / scale may be rounded, far below half of the smallest number.
 *
 * Where scales are far from the ends of float32, values are rounded as they are, without division: x + s − s is x to the
 * unit in the last place of s, ties to even, and s follows the binade of x down to that of the smallest normal number.
 */
import { storePart128 } from "./lanes";
import { nearest4, RoundParameters } from "./minifloat-round";

const BLOCK: i32 = 32;


@unmanaged
export class BlockParameters extends RoundParameters {
  /** Values of a row. `count` and `tileCount` are rows. */
  depth: i32;
  /** Exponent of the largest number. */
  exponent: i32;
}

/** Bits of infinity: what is not below is no number. */
const INFINITY_BITS: i32 = 0x7f800000;
const NAN_BITS: i32 = 0x7fc00000;

/** 2^(code − 127), for codes 0 … 254. */
@inline
function powerOf(code: i32): f32 {
  // 2^−127 is subnormal.
  return reinterpret<f32>(code == 0 ? 0x00400000 : code << 23);
}

/** Bits of the largest magnitude of `count` values. */
@inline
function largestOf(x: usize, count: i32): i32 {
  let largest = i32x4.splat(0);
  let left = count;
  for (; left >= 4; left -= 4) {
    largest = i32x4.max_s(largest, f32x4.abs(v128.load(x)));
    x += 16;
  }
  if (left > 0) {
    const isOwn = i32x4.gt_s(i32x4.splat(left), i32x4(0, 1, 2, 3));
    largest = i32x4.max_s(largest, v128.and(f32x4.abs(v128.load(x)), isOwn));
  }
  const pairs = i32x4.max_s(largest, v128.shuffle<i64>(largest, largest, 1, 0));
  return max(i32x4.extract_lane(pairs, 0), i32x4.extract_lane(pairs, 1));
}

/** Scales whose blocks are rounded as they are, 2^(code − 127): s is normal and finite. */
const LEAST_CODE: i32 = 48;
const MOST_CODE: i32 = 208;

/** Whole vectors of a block. */
function roundVectors(x: usize, y: usize, end: usize, scale: f32, parameters: usize): void {
  const p = changetype<BlockParameters>(parameters);
  const binades = i32x4.splat(INFINITY_BITS);
  const signs = i32x4.splat(0x80000000);
  const least = f32x4.splat(reinterpret<f32>(p.leastNormal) * scale);
  // 1.5 · 2^(mantissa bits that are dropped).
  const steps = f32x4.splat(reinterpret<f32>((127 << 23) + p.more));
  const largest = f32x4.splat(p.max * scale);
  while (x < end) {
    const value = v128.load(x);
    const step = f32x4.mul(f32x4.pmax(v128.and(value, binades), least), steps);
    const rounded = f32x4.sub(f32x4.add(value, step), step);
    const magnitude = f32x4.pmin(f32x4.abs(rounded), largest);
    v128.store(y, v128.bitselect(value, magnitude, signs));
    x += 16;
    y += 16;
  }
}

/** Stores up to 32 values behind each other. */
function roundBlock(x: usize, y: usize, count: i32, parameters: usize): void {
  const p = changetype<BlockParameters>(parameters);
  const largest = largestOf(x, count);
  if (largest >= INFINITY_BITS) {
    for (let left = count; left > 0; left -= 4, y += 16) {
      storePart128(y, i32x4.splat(NAN_BITS), left << 2);
    }
    return;
  }
  const most = f32x4.splat(p.max);
  const leastNormal = i32x4.splat(p.leastNormal);
  const more = i32x4.splat(p.more);
  const code = max((largest >>> 23) - p.exponent, 0);
  let left = count;
  if (code >= LEAST_CODE && code <= MOST_CODE) {
    const whole = ((count as usize) << 2) & ~15;
    roundVectors(x, y, x + whole, powerOf(code), parameters);
    x += whole;
    y += whole;
    left &= 3;
  }
  const scale = f32x4.splat(powerOf(code));
  const inverse = f32x4.splat(powerOf(254 - code));
  for (; left > 0; left -= 4) {
    const scaled = f32x4.mul(v128.load(x), inverse);
    const sign = v128.and(scaled, i32x4.splat(0x80000000));
    const value = v128.or(nearest4(f32x4.abs(scaled), most, leastNormal, more), sign);
    storePart128(y, f32x4.mul(value, scale), left << 2);
    x += 16;
    y += 16;
  }
}

export function round_blocks_f32(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<BlockParameters>(parameters);
  const start = tile * p.tileCount;
  const rows = min(p.tileCount, p.count - start);
  const rowBytes = (p.depth as usize) << 2;
  let x = p.x + (start as usize) * rowBytes;
  let y = p.y + (start as usize) * rowBytes;
  for (let row = 0; row < rows; row++) {
    for (let left = p.depth; left > 0; left -= BLOCK) {
      const count = min(left, BLOCK);
      roundBlock(x, y, count, parameters);
      x += (count as usize) << 2;
      y += (count as usize) << 2;
    }
  }
}
