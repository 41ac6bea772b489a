/**
 * Operands of fewer than 8 bits: panels that stay packed in memory, and activations that packing
 * narrows.
 *
 * A packed panel holds the bytes of the panel that a tile reads, in the same order, as codes of 4, 2
 * or 1 bits. 16 packed bytes hold 32, 64 or 128 of them; those that lie 16 apart share a byte, so that
 * one mask, or one shift and one mask, frees 16 neighbours:
 *
 *     4 bits   byte i = code i │ code 16 + i << 4
 *     2 bits   byte i = code i │ code 16 + i << 2 │ code 32 + i << 4 │ code 48 + i << 6
 *     1 bit    byte i = code i │ code 16 + i << 1 │ …                │ code 112 + i << 7
 *
 * followed by bias and multipliers as they are. A code u stands for the weight u − weightOffset; one
 * bit for 2·u − 1, and is freed as 0 or 2. A grid tile frees a panel once for all rows of a strip.
 */
import { GridParameters } from "./grid";
import { copyRun } from "./lanes";

/**
 * Scratch of one thread at `lowBitScratch`:
 *
 *     sums of one tile │ one int32 for each row of the strip │ one panel │ tables (`gemm-table.ts`)
 *     512 bytes        │ stripRows · 4                       │           │
 */
export const SUMS: usize = 512;


@inline
export function rowTermsOf(p: GridParameters, scratch: usize): usize {
  return scratch + <usize>p.lowBitScratch + SUMS;
}


@inline
export function panelOf(p: GridParameters, scratch: usize): usize {
  return rowTermsOf(p, scratch) + ((<usize>p.stripRows * 4 + 15) & ~15);
}

/**
 * The panel as the tile reads it, `size` bytes of weights and their tail: in place, or freed into
 * scratch as u − `offset`.
 */
export function openPanel(
  p: GridParameters,
  panel: i32,
  size: usize,
  offset: i32,
  scratch: usize,
): usize {
  const from = p.w + <usize>panel * <usize>p.panelBytes;
  const bits = p.weightBits;
  if (bits >= 8) return from;
  const to = panelOf(p, scratch);
  const tail = freeCodes(to, from, size, bits, <i8>offset);
  copyRun(to + size, tail, from + <usize>p.panelBytes - tail);
  return to;
}

/** Frees at least `size` codes; returns the end of the packed ones. */
export function freeCodes(to: usize, from: usize, size: usize, bits: i32, subtrahend: i8): usize {
  const offset = i8x16.splat(subtrahend);
  const end = to + size;
  if (bits == 4) {
    const mask = i8x16.splat(15);
    for (; to < end; to += 32) {
      const codes = v128.load(from);
      v128.store(to, i8x16.sub(v128.and(codes, mask), offset));
      v128.store(to, i8x16.sub(v128.and(i16x8.shr_u(codes, 4), mask), offset), 16);
      from += 16;
    }
    return from;
  }
  if (bits == 2) {
    const mask = i8x16.splat(3);
    for (; to < end; to += 64) {
      const codes = v128.load(from);
      v128.store(to, i8x16.sub(v128.and(codes, mask), offset));
      v128.store(to, i8x16.sub(v128.and(i16x8.shr_u(codes, 2), mask), offset), 16);
      v128.store(to, i8x16.sub(v128.and(i16x8.shr_u(codes, 4), mask), offset), 32);
      v128.store(to, i8x16.sub(v128.and(i16x8.shr_u(codes, 6), mask), offset), 48);
      from += 16;
    }
    return from;
  }
  const mask = i8x16.splat(2);
  for (; to < end; to += 128) {
    const codes = v128.load(from);
    v128.store(to, i8x16.sub(v128.and(i16x8.shl(codes, 1), mask), offset));
    v128.store(to, i8x16.sub(v128.and(codes, mask), offset), 16);
    v128.store(to, i8x16.sub(v128.and(i16x8.shr_u(codes, 1), mask), offset), 32);
    v128.store(to, i8x16.sub(v128.and(i16x8.shr_u(codes, 2), mask), offset), 48);
    v128.store(to, i8x16.sub(v128.and(i16x8.shr_u(codes, 3), mask), offset), 64);
    v128.store(to, i8x16.sub(v128.and(i16x8.shr_u(codes, 4), mask), offset), 80);
    v128.store(to, i8x16.sub(v128.and(i16x8.shr_u(codes, 5), mask), offset), 96);
    v128.store(to, i8x16.sub(v128.and(i16x8.shr_u(codes, 6), mask), offset), 112);
    from += 16;
  }
  return from;
}

/**
 * `Quantize` from 8 bits to 4 or 2 in place, as its reference: (addend + multiplier · x) >> 8, clamped to
 * 0 … high. The plan takes it where no sum leaves int16; a product may wrap.
 */
export function narrowRow(p: GridParameters, row: usize, size: usize): void {
  const flip = i8x16.splat(<i8>p.narrowFlip);
  const multiplier = i16x8.splat(<i16>p.narrowMultiplier);
  const addend = i16x8.splat(<i16>p.narrowAddend);
  const high = i8x16.splat(<i8>p.narrowHigh);
  for (const end = row + size; row < end; row += 16) {
    const x = v128.xor(v128.load(row), flip);
    const low = i16x8.add(i16x8.mul(i16x8.extend_low_i8x16_s(x), multiplier), addend);
    const top = i16x8.add(i16x8.mul(i16x8.extend_high_i8x16_s(x), multiplier), addend);
    const codes = i8x16.narrow_i16x8_u(i16x8.shr_s(low, 8), i16x8.shr_s(top, 8));
    v128.store(row, i8x16.min_u(codes, high));
  }
}

/** −weightOffset · Σx of each row, over all its units, where the rows' terms lie. */
export function sumRows(
  p: GridParameters,
  strip: usize,
  stride: usize,
  rows: i32,
  scratch: usize,
): void {
  const size = <usize>p.units * 4;
  let to = rowTermsOf(p, scratch);
  for (let i = 0; i < rows; i++) {
    let sums = i32x4.splat(0);
    let at: usize = 0;
    for (; at + 16 <= size; at += 16) {
      sums = addBytes(sums, v128.load(strip + at));
    }
    // Units are even: what is left is half a vector.
    if (at < size) sums = addBytes(sums, v128.load64_zero(strip + at));
    const pairs = i32x4.add(sums, v128.shuffle<i64>(sums, sums, 1, 0));
    const sum = i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1);
    store<i32>(to, -p.weightOffset * sum);
    to += 4;
    strip += stride;
  }
}


@inline
function addBytes(sums: v128, bytes: v128): v128 {
  const pairs = i16x8.extadd_pairwise_i8x16_s(bytes);
  return i32x4.add(sums, i32x4.extadd_pairwise_i16x8_s(pairs));
}
