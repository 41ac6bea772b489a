/** `gemm-table.ts` with the relaxed swizzle: one instruction, exact for indices below 16 and −1. */
import { ConvParameters } from "./conv";
import { tableTile } from "./gemm-table";


@unmanaged
class RelaxedSwizzle {

  @inline
  of(table: v128, index: v128): v128 {
    return i8x16.relaxed_swizzle(table, index);
  }
}

/** Codes of 4 bits or fewer · two planes. */
export function conv_u4_i2_2x16c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  tableTile<RelaxedSwizzle>(changetype<ConvParameters>(parameters), 2, scratch, tile);
}

/** Codes of 4 bits or fewer · one plane. */
export function conv_u4_b1_4x16c4_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  tableTile<RelaxedSwizzle>(changetype<ConvParameters>(parameters), 1, scratch, tile);
}
