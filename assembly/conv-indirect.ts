/**
 * Convolution by an indirection table: for each output pixel of one image and each tap, the offset
 * of the input pixel, or −1 for a border cell. Packing follows the table and interleaves straight
 * from the input: no copy of the window, no border arithmetic, 4 bytes of table per tap.
 *
 *     table, filter 3x3:  pixel 0: │ −1 │ −1 │ −1 │ −1 │ 0 │ c │ −1 │ w·c │ (w+1)·c │  pixel 1: …
 *
 * Each tap is packed on its own, one after the other in the panel; a tap whose units are no multiple
 * of four spills garbage that the next tap overwrites. So a tap must fill whole units.
 */
import { Int8, UInt8 } from "./formats/integer";
import { integerTile, PairsOfInt16, PairsOfInt8 } from "./gemm";
import { GridParameters, OFFSETS, stripOf } from "./grid";
import { interleaveRows, MR, widenRow } from "./pack";


@unmanaged
export class IndirectParameters extends GridParameters {
  table: usize;
  /** A pixel of border cells: channels of the zero point of x. */
  border: usize;
  taps: i32;
  /** Units of one tap. */
  tapUnits: i32;
  /** Output pixels of one image, and bytes of one image of x. */
  pixels: i32;
  xImageStride: i32;


  @inline
  pack<X>(first: i32, rows: i32, scratch: usize): void {
    packIndirect<X>(this, first, rows, scratch);
  }
}


@inline
function tapAddress(entry: usize, x: usize, border: usize): usize {
  const offset = load<i32>(entry);
  return offset < 0 ? border : x + <usize>offset;
}

/** Packs pixels [first, first + rows) of all images. */
function packIndirect<X>(p: IndirectParameters, first: i32, rows: i32, scratch: usize): void {
  const tapUnits = p.tapUnits;
  const border = p.border;
  const pixels = p.pixels;
  const pixelEntries = <usize>p.taps * 4;
  const stripUnits = <usize>p.units * 4;
  let offsets = scratch + OFFSETS;
  let strip = stripOf(p, scratch);
  for (let i = first; i < first + rows; i++) {
    store<i32>(offsets, i * p.yStride);
    offsets += 4;
  }
  let row = first;
  const end = first + rows;
  for (; row + MR <= end; row += MR) {
    const x0 = imageOf(p, row);
    const x1 = imageOf(p, row + 1);
    const x2 = imageOf(p, row + 2);
    const x3 = imageOf(p, row + 3);
    let t0 = entriesOf(p, row, pixels, pixelEntries);
    let t1 = entriesOf(p, row + 1, pixels, pixelEntries);
    let t2 = entriesOf(p, row + 2, pixels, pixelEntries);
    let t3 = entriesOf(p, row + 3, pixels, pixelEntries);
    let to = strip;
    for (const last = t0 + pixelEntries; t0 < last;) {
      interleaveRows<X>(
        to,
        tapAddress(t0, x0, border),
        tapAddress(t1, x1, border),
        tapAddress(t2, x2, border),
        tapAddress(t3, x3, border),
        tapUnits,
      );
      to += <usize>tapUnits * 4 * MR;
      t0 += 4;
      t1 += 4;
      t2 += 4;
      t3 += 4;
    }
    strip += stripUnits * MR;
  }
  for (; row < end; row++) {
    const x = imageOf(p, row);
    let entry = entriesOf(p, row, pixels, pixelEntries);
    let to = strip;
    for (const last = entry + pixelEntries; entry < last; entry += 4) {
      widenRow<X>(to, tapAddress(entry, x, border), tapUnits);
      to += <usize>tapUnits * 4;
    }
    strip += stripUnits;
  }
}


@inline
function imageOf(p: IndirectParameters, row: i32): usize {
  return p.x + <usize>(row / p.pixels) * <usize>p.xImageStride;
}


@inline
function entriesOf(p: IndirectParameters, row: i32, pixels: i32, pixelEntries: usize): usize {
  return p.table + <usize>(row % pixels) * pixelEntries;
}

/** int8 · int8. */
export function igemm_i8_i8_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<IndirectParameters, Int8, PairsOfInt8>(
    changetype<IndirectParameters>(parameters),
    scratch,
    tile,
  );
}

/** uint8 · int8. */
export function igemm_u8_i8_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<IndirectParameters, UInt8, PairsOfInt8>(
    changetype<IndirectParameters>(parameters),
    scratch,
    tile,
  );
}

/** int8 · (weight − zero point) as int16. */
export function igemm_i8_i16_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<IndirectParameters, Int8, PairsOfInt16>(
    changetype<IndirectParameters>(parameters),
    scratch,
    tile,
  );
}

/** uint8 · (weight − zero point) as int16: legacy uint8 models. */
export function igemm_u8_i16_4x8c2(parameters: usize, scratch: usize, tile: i32): void {
  integerTile<IndirectParameters, UInt8, PairsOfInt16>(
    changetype<IndirectParameters>(parameters),
    scratch,
    tile,
  );
}
