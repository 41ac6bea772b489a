/**
 * Matrix product and convolutions with weights in FP4 and FP6, in integers: x is what its codes stand
 * for in the format's unit, as int8 or int16; panels are opened as int8 or int16
 * (`minifloat-panels.ts`) and multiplied by the tiles of `gemm.ts`. Sums are exact; they become
 * float32 once.
 *
 * Bound: |x|, |w| ≤ 60 as int8, ≤ 448 as int16; one dot of int16 is at most 2 · 448² < 2^19. The plan
 * asks for int16 up to a depth whose sums fit int32.
 */
import { Int16, Int8 } from "./formats/integer";
import { Codes4, Codes6 } from "./formats/minifloat";
import { PairsOfInt16, PairsOfInt8, UNIT } from "./gemm";
import { GridParameters, NR, OFFSETS, stripOf } from "./grid";
import { ConvMinifloat, GemmMinifloat, IndirectMinifloat } from "./gemm-minifloat";
import { FloatRule, storeFloats } from "./minifloat-output";
import { Int16Panel, Int8Panel } from "./minifloat-panels";
import { MR } from "./pack";

/** Codes of one unit of a panel: 8 columns of 2 k. */
const UNIT_CODES: i32 = 16;


@inline
function storeRow(to: usize, row: usize, columns: i32): void {
  storeFloats(to, v128.load(row), v128.load(row, 16), columns);
}

/** A packed strip against panels [first, last). W multiplies what O has opened. */
function sweepPairs<W, O>(
  p: GridParameters,
  table: usize,
  open: usize,
  rows: i32,
  first: i32,
  last: i32,
  scratch: usize,
): void {
  const rule = changetype<FloatRule>(p);
  const units = p.units;
  const count = units * UNIT_CODES;
  const zero = i32x4.splat(0);
  const strip = stripOf(p, scratch);
  const offsets = scratch + OFFSETS;
  const panels = rows & ~(MR - 1);
  for (let panel = first; panel < last; panel++) {
    const w = changetype<O>(0).open(p.w + <usize>panel * <usize>p.panelBytes, count, table, open);
    const y = p.y + <usize>panel * NR * 4;
    const columns = p.n - panel * NR;
    let a = strip;
    let row: usize = offsets;
    for (const end = row + <usize>panels * 4; row < end; row += 16) {
      changetype<W>(w).tile4x8<FloatRule>(rule, a, units, scratch, zero, zero);
      storeRow(y + load<u32>(row), scratch, columns);
      storeRow(y + load<u32>(row, 4), scratch + 32, columns);
      storeRow(y + load<u32>(row, 8), scratch + 64, columns);
      storeRow(y + load<u32>(row, 12), scratch + 96, columns);
      a += <usize>units * UNIT * MR;
    }
    for (const end = offsets + <usize>rows * 4; row < end; row += 4) {
      changetype<W>(w).tile1x8<FloatRule>(rule, a, units, scratch, zero, zero);
      storeRow(y + load<u32>(row), scratch, columns);
      a += <usize>units * UNIT;
    }
  }
}

/** One grid tile, as `integerTile`. */
@inline
function pairsTile<P, X, W, O>(p: P, scratch: usize, tile: i32): void {
  const chunk = tile % p.chunks;
  const firstPanel = chunk * p.tilePanels;
  const lastPanel = min(firstPanel + p.tilePanels, (p.n + NR - 1) / NR);
  const firstRow = (tile / p.chunks) * p.tileRows;
  const lastRow = min(firstRow + p.tileRows, p.m);
  const open = scratch + <usize>p.panel;
  for (let row = firstRow; row < lastRow; row += p.stripRows) {
    const rows = min(p.stripRows, lastRow - row);
    p.pack<X>(row, rows, scratch);
    sweepPairs<W, O>(p, p.codeTable, open, rows, firstPanel, lastPanel, scratch);
  }
}

export function gemm_i8_m6_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  pairsTile<GemmMinifloat, Int8, PairsOfInt8, Int8Panel<Codes6>>(
    changetype<GemmMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function gemm_i16_m6_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  pairsTile<GemmMinifloat, Int16, PairsOfInt16, Int16Panel<Codes6>>(
    changetype<GemmMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function gemm_i8_m4_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  pairsTile<GemmMinifloat, Int8, PairsOfInt8, Int8Panel<Codes4>>(
    changetype<GemmMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function gemm_i16_m4_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  pairsTile<GemmMinifloat, Int16, PairsOfInt16, Int16Panel<Codes4>>(
    changetype<GemmMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function conv_i8_m6_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  pairsTile<ConvMinifloat, Int8, PairsOfInt8, Int8Panel<Codes6>>(
    changetype<ConvMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function conv_i16_m6_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  pairsTile<ConvMinifloat, Int16, PairsOfInt16, Int16Panel<Codes6>>(
    changetype<ConvMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function conv_i8_m4_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  pairsTile<ConvMinifloat, Int8, PairsOfInt8, Int8Panel<Codes4>>(
    changetype<ConvMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function conv_i16_m4_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  pairsTile<ConvMinifloat, Int16, PairsOfInt16, Int16Panel<Codes4>>(
    changetype<ConvMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function igemm_i8_m6_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  pairsTile<IndirectMinifloat, Int8, PairsOfInt8, Int8Panel<Codes6>>(
    changetype<IndirectMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function igemm_i16_m6_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  pairsTile<IndirectMinifloat, Int16, PairsOfInt16, Int16Panel<Codes6>>(
    changetype<IndirectMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function igemm_i8_m4_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  pairsTile<IndirectMinifloat, Int8, PairsOfInt8, Int8Panel<Codes4>>(
    changetype<IndirectMinifloat>(parameters),
    scratch,
    tile,
  );
}

export function igemm_i16_m4_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  pairsTile<IndirectMinifloat, Int16, PairsOfInt16, Int16Panel<Codes4>>(
    changetype<IndirectMinifloat>(parameters),
    scratch,
    tile,
  );
}
