/** Arrays of minifloat codes to float32: y = f32(value · scale). */
import { Codes4, Codes6, Codes8, decodeGroup, GROUP } from "./formats/minifloat";
import { copyExact, storePart128 } from "./lanes";


@unmanaged
class DecodeParameters {
  x: usize;
  y: usize;
  /** A `MinifloatTable`. */
  table: usize;
  count: i32;
  /** Codes of a tile, a multiple of 16. */
  tileCount: i32;
  scale: f32;
}

/** The product of a NaN may have a sign, so it is written anew. */
@inline
function scaled(value: v128, scale: v128): v128 {
  const product = f32x4.mul(value, scale);
  return v128.bitselect(product, i32x4.splat(0x7fc00000), f32x4.eq(product, product));
}

/** Multiplies a group in place. */
@inline
function scaleGroup(at: usize, scale: v128): void {
  for (let i: usize = 0; i < 64; i += 16) v128.store(at + i, scaled(v128.load(at + i), scale));
}


@inline
function decodeTile<F>(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<DecodeParameters>(parameters);
  const start = tile * p.tileCount;
  const count = min(p.tileCount, p.count - start);
  const table = p.table;
  const scale = f32x4.splat(p.scale);
  const isScaled = p.scale != 1.0;
  let x = p.x + ((start / GROUP) as usize) * offsetof<F>();
  let y = p.y + ((start as usize) << 2);
  for (const end = y + (((count & -GROUP) as usize) << 2); y < end; y += 4 * GROUP) {
    decodeGroup(changetype<F>(x).unpack(), table, y);
    if (isScaled) scaleGroup(y, scale);
    x += offsetof<F>();
  }
  const rest = count & (GROUP - 1);
  if (rest) {
    decodeGroup(changetype<F>(x).unpack(), table, scratch);
    scaleGroup(scratch, scale);
    copyExact(y, scratch, (rest as usize) << 2);
  }
}

export function decode_m8_f32(parameters: usize, scratch: usize, tile: i32): void {
  decodeTile<Codes8>(parameters, scratch, tile);
}

export function decode_m6_f32(parameters: usize, scratch: usize, tile: i32): void {
  decodeTile<Codes6>(parameters, scratch, tile);
}

export function decode_m4_f32(parameters: usize, scratch: usize, tile: i32): void {
  decodeTile<Codes4>(parameters, scratch, tile);
}


@unmanaged
class DecodeWideParameters {
  x: usize;
  y: usize;
  count: i32;
  tileCount: i32;
  magnitude: i32;
  /** Places from a code's magnitude to a float32's, and from its sign to bit 31. */
  magnitudeShift: i32;
  signShift: i32;
  /** Magnitude code of infinity, and of the last code that is no NaN. */
  infinity: i32;
  lastNumber: i32;
  /** 2^(127 − bias): what the exponent lacks after the shift; subnormals come out right as well. */
  factor: f32;
  scale: f32;
}

/** Codes of 9 to 16 bits, two bytes each. */
export function decode_m16_f32(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<DecodeWideParameters>(parameters);
  const start = tile * p.tileCount;
  const factor = f32x4.splat(p.factor);
  const scale = f32x4.splat(p.scale);
  let x = p.x + ((start as usize) << 1);
  let y = p.y + ((start as usize) << 2);
  for (let left = min(p.tileCount, p.count - start); left > 0; left -= 4) {
    const codes = v128.load16x4_u(x);
    const magnitude = v128.and(codes, i32x4.splat(p.magnitude));
    const sign = i32x4.shl(v128.xor(codes, magnitude), p.signShift);
    let value = f32x4.mul(i32x4.shl(magnitude, p.magnitudeShift), factor);
    const isInfinity = i32x4.eq(magnitude, i32x4.splat(p.infinity));
    value = v128.bitselect(i32x4.splat(0x7f800000), value, isInfinity);
    const isNaN = i32x4.gt_s(magnitude, i32x4.splat(p.lastNumber));
    value = v128.bitselect(i32x4.splat(0x7fc00000), v128.or(value, sign), isNaN);
    storePart128(y, scaled(value, scale), left << 2);
    x += 8;
    y += 16;
  }
}
