/**
 * What EncodeMinifloat and the value of its code make of a float32, without the code between them: the
 * number of the format nearest to f32(x / scale), ties to even, saturating. As float32, or in the
 * format's unit as int8 or int16.
 */
import { storePart128 } from "./lanes";


@unmanaged
export class RoundParameters {
  x: usize;
  y: usize;
  count: i32;
  /** Values of a tile, a multiple of 16. */
  tileCount: i32;
  /** Mantissa bits that a float32 has more; half of what they hold, less one; a mask of the others. */
  drop: i32;
  half: i32;
  keep: i32;
  /** Bits of the smallest normal number, and of the float32 whose last place is the smallest step. */
  leastNormal: i32;
  magic: i32;
  /** Bits of what NaN becomes. */
  nan: i32;
  /** A mask of the bytes, or words, of y that have their top bit flipped. */
  flip: i32;
  max: f32;
  scale: f32;
  /** Makes values integers. */
  unit: f32;
}

/** Magnitudes of the format nearest to four magnitudes, NaN aside. */
@inline
export function nearest4(magnitude: v128, p: usize, drop: i32): v128 {
  const lastKept = v128.and(i32x4.shr_u(magnitude, drop), i32x4.splat(1));
  const half = v128.load32_splat(p, offsetof<RoundParameters>("half"));
  const keep = v128.load32_splat(p, offsetof<RoundParameters>("keep"));
  const normal = v128.and(i32x4.add(i32x4.add(magnitude, half), lastKept), keep);
  const magic = v128.load32_splat(p, offsetof<RoundParameters>("magic"));
  const subnormal = f32x4.sub(f32x4.add(magnitude, magic), magic);
  const leastNormal = v128.load32_splat(p, offsetof<RoundParameters>("leastNormal"));
  const rounded = v128.bitselect(subnormal, normal, i32x4.gt_s(leastNormal, magnitude));
  return f32x4.pmin(rounded, v128.load32_splat(p, offsetof<RoundParameters>("max")));
}


@inline
function round4(x: usize, p: usize, drop: i32): v128 {
  const input = v128.load(x);
  const scale = v128.load32_splat(p, offsetof<RoundParameters>("scale"));
  const scaled = f32x4.div(input, scale);
  const sign = v128.and(scaled, i32x4.splat(0x80000000));
  const value = v128.or(nearest4(f32x4.abs(scaled), p, drop), sign);
  const nan = v128.load32_splat(p, offsetof<RoundParameters>("nan"));
  return v128.bitselect(value, nan, f32x4.eq(scaled, scaled));
}

/** Four integers: exact. */
@inline
function integers4(x: usize, p: usize, drop: i32): v128 {
  const unit = v128.load32_splat(p, offsetof<RoundParameters>("unit"));
  return i32x4.trunc_sat_f32x4_s(f32x4.mul(round4(x, p, drop), unit));
}

export function round_f32_f32(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<RoundParameters>(parameters);
  const drop = p.drop;
  const start = tile * p.tileCount;
  let x = p.x + ((start as usize) << 2);
  let y = p.y + ((start as usize) << 2);
  for (let left = min(p.tileCount, p.count - start); left > 0; left -= 4) {
    storePart128(y, round4(x, parameters, drop), left << 2);
    x += 16;
    y += 16;
  }
}

export function round_f32_i8(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<RoundParameters>(parameters);
  const drop = p.drop;
  const flip = i32x4.splat(p.flip);
  const start = tile * p.tileCount;
  let x = p.x + ((start as usize) << 2);
  let y = p.y + (start as usize);
  for (let left = min(p.tileCount, p.count - start); left > 0; left -= 16) {
    const a = integers4(x, parameters, drop);
    const b = left > 4 ? integers4(x + 16, parameters, drop) : a;
    const c = left > 8 ? integers4(x + 32, parameters, drop) : a;
    const d = left > 12 ? integers4(x + 48, parameters, drop) : a;
    const codes = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
    storePart128(y, v128.xor(codes, flip), left);
    x += 64;
    y += 16;
  }
}

export function round_f32_i16(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<RoundParameters>(parameters);
  const drop = p.drop;
  const start = tile * p.tileCount;
  let x = p.x + ((start as usize) << 2);
  let y = p.y + ((start as usize) << 1);
  for (let left = min(p.tileCount, p.count - start); left > 0; left -= 8) {
    const a = integers4(x, parameters, drop);
    const b = left > 4 ? integers4(x + 16, parameters, drop) : a;
    storePart128(y, i16x8.narrow_i32x4_s(a, b), left << 1);
    x += 32;
    y += 16;
  }
}
