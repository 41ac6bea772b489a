/** Arrays of float32 to minifloat codes: the code nearest to f32(x / scale), ties to even. */
import { Codes4, Codes6, Codes8, GROUP } from "./formats/minifloat";
import { storePart128 } from "./lanes";


@unmanaged
class EncodeParameters {
  x: usize;
  y: usize;
  count: i32;
  /** Values of a tile, a multiple of 16. */
  tileCount: i32;
  /** Mantissa bits that a float32 has more; half of what they hold, less one. */
  drop: i32;
  half: i32;
  /** What the exponent of a float32 is more, as a code. */
  rebias: i32;
  /** Bits of the smallest normal number, and of the float32 whose last place is the smallest step. */
  leastNormal: i32;
  magic: i32;
  maxCode: i32;
  /** Magnitude code of what is past the last number. */
  overflowCode: i32;
  nanCode: i32;
  signBit: i32;
  /** −1: zero keeps its sign. 0: it has none. */
  zeroSign: i32;
  scale: f32;
}

/**
 * Four codes. Normal magnitudes are rounded in their bits: half a step less one, plus the last kept
 * bit. Subnormal ones by adding a float32 whose unit in the last place is the format's step.
 * Constants are broadcast from memory where they are used: there are more of them than registers.
 */
@inline
function encode4(x: usize, p: usize, drop: i32): v128 {
  const input = v128.load(x);
  const scale = v128.load32_splat(p, offsetof<EncodeParameters>("scale"));
  const magnitude = f32x4.abs(f32x4.div(input, scale));
  const lastKept = i32x4.shr_u(i32x4.shl(i32x4.shr_u(magnitude, drop), 31), 31);
  const half = v128.load32_splat(p, offsetof<EncodeParameters>("half"));
  const normal = i32x4.sub(
    i32x4.shr_u(i32x4.add(i32x4.add(magnitude, half), lastKept), drop),
    v128.load32_splat(p, offsetof<EncodeParameters>("rebias")),
  );
  const magic = v128.load32_splat(p, offsetof<EncodeParameters>("magic"));
  const subnormal = i32x4.sub(f32x4.add(magnitude, magic), magic);
  const leastNormal = v128.load32_splat(p, offsetof<EncodeParameters>("leastNormal"));
  let code = v128.bitselect(subnormal, normal, i32x4.gt_s(leastNormal, magnitude));
  const maxCode = v128.load32_splat(p, offsetof<EncodeParameters>("maxCode"));
  const overflow = v128.load32_splat(p, offsetof<EncodeParameters>("overflowCode"));
  code = v128.bitselect(overflow, code, i32x4.gt_s(code, maxCode));
  const zeroSign = v128.load32_splat(p, offsetof<EncodeParameters>("zeroSign"));
  const hasSign = v128.or(i32x4.ne(code, i32x4.splat(0)), zeroSign);
  // The sign of the input: that of a NaN does not survive a division.
  const isNegative = v128.and(i32x4.gt_s(i32x4.splat(0), input), hasSign);
  const sign = v128.and(v128.load32_splat(p, offsetof<EncodeParameters>("signBit")), isNegative);
  const nan = v128.load32_splat(p, offsetof<EncodeParameters>("nanCode"));
  code = v128.bitselect(code, nan, f32x4.eq(input, input));
  return v128.or(code, sign);
}


@inline
function encodeTile<F>(parameters: usize, tile: i32): void {
  const p = changetype<EncodeParameters>(parameters);
  const drop = p.drop;
  const start = tile * p.tileCount;
  let x = p.x + ((start as usize) << 2);
  let y = p.y + ((start / GROUP) as usize) * offsetof<F>();
  // Reads whole groups of 4 floats only.
  for (let left = min(p.tileCount, p.count - start); left > 0; left -= GROUP) {
    const a = encode4(x, parameters, drop);
    const b = left > 4 ? encode4(x + 16, parameters, drop) : a;
    const c = left > 8 ? encode4(x + 32, parameters, drop) : a;
    const d = left > 12 ? encode4(x + 48, parameters, drop) : a;
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

/** Codes of 9 to 16 bits, two bytes each. */
export function encode_f32_m16(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<EncodeParameters>(parameters);
  const drop = p.drop;
  const start = tile * p.tileCount;
  let x = p.x + ((start as usize) << 2);
  let y = p.y + ((start as usize) << 1);
  for (let left = min(p.tileCount, p.count - start); left > 0; left -= 8) {
    const a = encode4(x, parameters, drop);
    const b = left > 4 ? encode4(x + 16, parameters, drop) : a;
    storePart128(y, i16x8.narrow_i32x4_u(a, b), left << 1);
    x += 32;
    y += 16;
  }
}
