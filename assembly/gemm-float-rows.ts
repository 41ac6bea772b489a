/**
 * float32 matrix product and convolutions on rows that lie one after the other (`float-tiles.ts`); the sums, their
 * order and the panels are those of `gemm-float.ts`, to the bit. For depths whose rows stay near (`select.ts`).
 */
import { RowsInPlace } from "./byte-rows";
import { CopiedWindows } from "./conv-dot";
import { floatTile, FloatPanels } from "./float-sweep";
import { FromBias, MultiplyAdd, RoundedApart } from "./float-tiles";

export function gemm_f32_f32_5x8c1(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<RowsInPlace>(parameters);
  floatTile<RowsInPlace, FloatPanels, FromBias, RoundedApart>(p, scratch, tile);
}

export function conv_f32_f32_5x8c1(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<CopiedWindows>(parameters);
  floatTile<CopiedWindows, FloatPanels, FromBias, RoundedApart>(p, scratch, tile);
}

/** The same by multiply-adds, for callers that let machines round otherwise. */
export function gemm_f32_f32_6x8c1_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<RowsInPlace>(parameters);
  floatTile<RowsInPlace, FloatPanels, FromBias, MultiplyAdd>(p, scratch, tile);
}

/** The same by multiply-adds, for callers that let machines round otherwise. */
export function conv_f32_f32_6x8c1_relaxed(parameters: usize, scratch: usize, tile: i32): void {
  const p = changetype<CopiedWindows>(parameters);
  floatTile<CopiedWindows, FloatPanels, FromBias, MultiplyAdd>(p, scratch, tile);
}
