/** `lookup-lines.ts` in relaxed SIMD: exact for indices below 16, and without a product of two −2^15. */
import { lookUpLines } from "./lookup-lines";


@unmanaged
class RelaxedLines {

  @inline
  swizzle(table: v128, index: v128): v128 {
    return i8x16.relaxed_swizzle(table, index);
  }


  @inline
  multiply(a: v128, b: v128): v128 {
    return i16x8.relaxed_q15mulr_s(a, b);
  }
}

export function lookup_8_lines_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  lookUpLines<RelaxedLines>(parameters, tile);
}
