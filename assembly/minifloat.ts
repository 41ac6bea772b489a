/**
 * Arrays between minifloat codes (8, 6, 4 bits, packed) and float32, 16 at a time.
 *
 * Decode: y = f32(value · scale). Encode: the code nearest to f32(x / scale), ties to even.
 */
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

/** Multiplies a group in place; the product of a NaN may have a sign, so it is written anew. */
@inline
function scaleGroup(at: usize, scale: v128): void {
  for (let i: usize = 0; i < 64; i += 16) {
    const product = f32x4.mul(v128.load(at + i), scale);
    const isNumber = f32x4.eq(product, product);
    v128.store(at + i, v128.bitselect(product, i32x4.splat(0x7fc00000), isNumber));
  }
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
class EncodeParameters {
  x: usize;
  y: usize;
  count: i32;
  /** Values of a tile, a multiple of 16. */
  tileCount: i32;
  mantissaBits: i32;
  bias: i32;
  maxCode: i32;
  /** Magnitude code of what is past the last number. */
  overflowCode: i32;
  nanCode: i32;
  /** Places from bit 31 to the sign of a code. */
  signShift: i32;
  /** −1: zero keeps its sign. 0: it has none. */
  zeroSign: i32;
  scale: f32;
}

/**
 * Four codes. Normal magnitudes are rounded in their bits: half a step less one, plus the last kept
 * bit. Subnormal ones by adding a float32 whose unit in the last place is the format's step.
 */
@inline
function encode4(x: usize, p: EncodeParameters): v128 {
  const input = v128.load(x);
  const value = f32x4.div(input, f32x4.splat(p.scale));
  const drop = 23 - p.mantissaBits;
  const magnitude = v128.and(value, i32x4.splat(0x7fffffff));
  const lastKept = v128.and(i32x4.shr_u(magnitude, drop), i32x4.splat(1));
  const half = i32x4.splat((1 << (drop - 1)) - 1);
  const normal = i32x4.sub(
    i32x4.shr_u(i32x4.add(i32x4.add(magnitude, half), lastKept), drop),
    i32x4.splat((127 - p.bias) << p.mantissaBits),
  );
  const magic = i32x4.splat((151 - p.bias - p.mantissaBits) << 23);
  const subnormal = i32x4.sub(f32x4.add(magnitude, magic), magic);
  const isSubnormal = i32x4.gt_s(i32x4.splat((128 - p.bias) << 23), magnitude);
  let code = v128.bitselect(subnormal, normal, isSubnormal);
  const isOverflow = i32x4.gt_s(code, i32x4.splat(p.maxCode));
  code = v128.bitselect(i32x4.splat(p.overflowCode), code, isOverflow);
  const hasSign = v128.or(i32x4.ne(code, i32x4.splat(0)), i32x4.splat(p.zeroSign));
  // The sign of the input: that of a NaN does not survive a division.
  const sign = v128.and(input, i32x4.splat(0x80000000));
  code = v128.bitselect(code, i32x4.splat(p.nanCode), f32x4.eq(input, input));
  return v128.or(code, i32x4.shr_u(v128.and(sign, hasSign), p.signShift));
}


@inline
function encodeTile<F>(parameters: usize, tile: i32): void {
  const p = changetype<EncodeParameters>(parameters);
  const start = tile * p.tileCount;
  let x = p.x + ((start as usize) << 2);
  let y = p.y + ((start / GROUP) as usize) * offsetof<F>();
  // Reads whole groups of 4 floats only.
  for (let left = min(p.tileCount, p.count - start); left > 0; left -= GROUP) {
    const a = encode4(x, p);
    const b = left > 4 ? encode4(x + 16, p) : a;
    const c = left > 8 ? encode4(x + 32, p) : a;
    const d = left > 12 ? encode4(x + 48, p) : a;
    let codes = i8x16.narrow_i16x8_u(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
    if (left >= GROUP) {
      storePart128(y, changetype<F>(y).pack(codes), offsetof<F>() as i32);
    } else {
      // Unused bits of the last byte are 0.
      const lane = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
      codes = v128.and(codes, i8x16.gt_s(i8x16.splat(left as i8), lane));
      const bytes = (left * (offsetof<F>() as i32) + GROUP - 1) / GROUP;
      storePart128(y, changetype<F>(y).pack(codes), bytes);
    }
    x += 4 * GROUP;
    y += offsetof<F>();
  }
}

export function encode_f32_m8(parameters: usize, scratch: usize, tile: i32): void {
  encodeTile<Codes8>(parameters, tile);
}

export function encode_f32_m6(parameters: usize, scratch: usize, tile: i32): void {
  encodeTile<Codes6>(parameters, tile);
}

export function encode_f32_m4(parameters: usize, scratch: usize, tile: i32): void {
  encodeTile<Codes4>(parameters, tile);
}
