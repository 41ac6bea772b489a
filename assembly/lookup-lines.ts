/**
 * y[i] = table[x[i]] for tables that 16 short lines describe, each with one bit more:
 *
 *     x = 16·s + l      y = c[s] + ((m[s]·l + 8) >> 4) + (bit l of r[s])      modulo 256
 *
 * Functions of a code are smooth but for their rounding, which is what the bit holds; whether a table is
 * of this kind is tried out when it is made. 16 codes take 11 shuffles and as many cheaper
 * instructions, where a look-up in memory takes 48 loads and stores.
 *
 *     c[s], m[s]            swizzles by s
 *     (m[s]·l + 8) >> 4     rounded Q15 product of m·2^8 and l·2^3: |m·l| ≤ 128·15, so the result fits int8
 *     bit l of r[s]         one byte of r[s] for l < 8 and one for the others, and a byte with bit l % 8
 */
import { interleaveHigh8, interleaveLow8, storePart128 } from "./lanes";


@unmanaged
export class LinesParameters {
  x: usize;
  y: usize;
  /** 16 bytes each: c, m, ¬r for l < 8, ¬r for l ≥ 8, bit l for l < 8, bit l − 8 for l ≥ 8. */
  lines: usize;
  sizeBytes: i32;
  tileBytes: i32;
}

/** The two instructions that relaxed SIMD has a shorter form of. */
@unmanaged
class PlainLines {

  @inline
  swizzle(table: v128, index: v128): v128 {
    return i8x16.swizzle(table, index);
  }


  @inline
  multiply(a: v128, b: v128): v128 {
    return i16x8.q15mulr_sat_s(a, b);
  }
}


@inline
export function lookUpLines<Instructions>(parameters: usize, tile: i32): void {
  const p = changetype<LinesParameters>(parameters);
  const simd = changetype<Instructions>(0);
  const base = v128.load(p.lines);
  const slope = v128.load(p.lines, 16);
  const lowRest = v128.load(p.lines, 32);
  const highRest = v128.load(p.lines, 48);
  const lowBit = v128.load(p.lines, 64);
  const highBit = v128.load(p.lines, 80);
  const nibble = i8x16.splat(15);
  const zero = i8x16.splat(0);
  const start = tile * p.tileBytes;
  let x = p.x + start;
  let y = p.y + start;
  for (let left = min(p.tileBytes, p.sizeBytes - start); left > 0; left -= 16) {
    const codes = v128.load(x);
    const s = v128.and(i16x8.shr_u(codes, 4), nibble);
    const l = v128.and(codes, nibble);
    const m = simd.swizzle(slope, s);
    const eighths = i16x8.shl(l, 3);
    const rise = i8x16.narrow_i16x8_s(
      simd.multiply(interleaveLow8(zero, m), interleaveLow8(eighths, zero)),
      simd.multiply(interleaveHigh8(zero, m), interleaveHigh8(eighths, zero)),
    );
    const rest = v128.or(
      v128.and(simd.swizzle(lowRest, s), simd.swizzle(lowBit, l)),
      v128.and(simd.swizzle(highRest, s), simd.swizzle(highBit, l)),
    );
    // Where no bit of ¬r is found the comparison gives −1.
    const line = i8x16.add(simd.swizzle(base, s), rise);
    storePart128(y, i8x16.sub(line, i8x16.eq(rest, zero)), left);
    x += 16;
    y += 16;
  }
}

export function lookup_8_lines(parameters: usize, scratch: usize, tile: i32): void {
  lookUpLines<PlainLines>(parameters, tile);
}
