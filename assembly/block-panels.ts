/**
 * Weights with a scale for each block of `blockUnits` units of depth. The exact int32 sum of each block
 * becomes float32, times its scale, added in the order of k:
 *
 *     t = Σ_b f32(S_b) · s_b        y = RNE(clamp(f32(f32(t · m) + bias))) + zeroPoint
 *
 * A tap of the filter is a whole number of blocks, the last of which may be shorter:
 *
 *     k:  │ tap 0: block 0 │ block 1 │ b2 │ tap 1: block 0 │ block 1 │ b2 │ …
 *
 * A packed panel, and what it is while a tile multiplies it:
 *
 *     codes of 4, 2 or 1 bits │ scale[8] of each block, bfloat16 or float32 │ tail
 *     int8                    │ int32 start[8], f32 scale[8] of each block  │ tail
 *
 *     tail = f32 bias[8] │ f32 m │ int32 zeroPoint of x │ int32 1: scales are bfloat16 │ 0
 *
 * start = −zeroPoint · Σw of the block, so that x is multiplied as stored.
 */
import { GridParameters } from "./grid";
import { copyRun } from "./lanes";
import { freeCodes, panelOf } from "./low-bit";
import { roundFp32 } from "./requantize/fp32";
import { storePair } from "./requantize/output";

/** Bytes of start and scale of one block, and of the tail. */
export const BLOCK: usize = 64;
const TAIL: usize = 48;

/** Units of one block, and of one tap: the fields that narrow sums use elsewhere. */
@inline
export function blockUnitsOf(p: GridParameters): i32 {
  return p.flushSteps;
}


@inline
export function tapUnitsOf(p: GridParameters): i32 {
  return p.widenFlushes;
}

/** Blocks of all taps. */
@inline
export function blockCountOf(p: GridParameters): i32 {
  const blockUnits = blockUnitsOf(p);
  const tapUnits = tapUnitsOf(p);
  return (p.units / tapUnits) * ((tapUnits + blockUnits - 1) / blockUnits);
}

/** Where the blocks of a freed panel of `size` bytes lie: behind what freeing may write. */
@inline
export function blocksOf(w: usize, size: usize): usize {
  return w + ((size + 127) & ~127);
}

/**
 * Frees a panel into scratch; returns its weights. `U`: how its units lie.
 */
export function openBlocks<U>(p: GridParameters, panel: i32, scratch: usize): usize {
  const unit = changetype<U>(0);
  const unitBytes = unit.bytes();
  const from = p.w + <usize>panel * <usize>p.panelBytes;
  const tail = from + <usize>p.panelBytes - TAIL;
  const size = <usize>p.units * unitBytes;
  let w = panelOf(p, scratch);
  const panelAt = w;
  let scales = freeCodes(w, from, size, p.weightBits, <i8>p.weightOffset);
  const isShort = load<i32>(tail, 40) != 0;
  const zeroPoint = i32x4.splat(-load<i32>(tail, 36));
  const blockUnits = blockUnitsOf(p);
  const tapUnits = tapUnitsOf(p);
  let to = blocksOf(w, size);
  let left = tapUnits;
  for (const end = w + size; w < end;) {
    const units = min(blockUnits, left);
    let low = i32x4.splat(0);
    let high = low;
    for (const last = w + <usize>units * unitBytes; w < last; w += unitBytes) {
      low = i32x4.add(low, unit.sumLow(w));
      high = i32x4.add(high, unit.sumHigh(w));
    }
    v128.store(to, i32x4.mul(low, zeroPoint));
    v128.store(to, i32x4.mul(high, zeroPoint), 16);
    if (isShort) {
      const short = v128.load(scales);
      v128.store(to, i32x4.shl(i32x4.extend_low_i16x8_u(short), 16), 32);
      v128.store(to, i32x4.shl(i32x4.extend_high_i16x8_u(short), 16), 48);
      scales += 16;
    } else {
      v128.store(to, v128.load(scales), 32);
      v128.store(to, v128.load(scales, 16), 48);
      scales += 32;
    }
    to += BLOCK;
    left -= units;
    if (left == 0) left = tapUnits;
  }
  copyRun(to, tail, TAIL);
  return panelAt;
}

/**
 * Adds a block's sums of one row to its float32 totals. Both are loaded before one is stored: an engine that
 * pairs vectors does not move a load over a store. The scales lie in the block.
 */
@inline
export function addBlock(totals: usize, low: v128, high: v128, block: usize): void {
  const l = f32x4.mul(f32x4.convert_i32x4_s(low), v128.load(block, 32));
  const h = f32x4.mul(f32x4.convert_i32x4_s(high), v128.load(block, 48));
  const sumLow = f32x4.add(v128.load(totals), l);
  const sumHigh = f32x4.add(v128.load(totals, 16), h);
  v128.store(totals, sumLow);
  v128.store(totals, sumHigh, 16);
}

/** Units of four k: 8 columns of 4 bytes. */
@unmanaged
export class QuadUnit {

  @inline
  bytes(): usize {
    return 32;
  }

  /** Sums of columns 0 … 3. */
  @inline
  sumLow(w: usize): v128 {
    return i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(v128.load(w)));
  }


  @inline
  sumHigh(w: usize): v128 {
    return i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(v128.load(w, 16)));
  }
}

/** Units of two k: 8 columns of 2 bytes. */
@unmanaged
export class PairUnit {

  @inline
  bytes(): usize {
    return 16;
  }


  @inline
  sumLow(w: usize): v128 {
    return i32x4.extend_low_i16x8_s(i16x8.extadd_pairwise_i8x16_s(v128.load(w)));
  }


  @inline
  sumHigh(w: usize): v128 {
    return i32x4.extend_high_i16x8_s(i16x8.extadd_pairwise_i8x16_s(v128.load(w)));
  }
}

/**
 * Two rows of 8 float32 totals → codes. `tail`: behind the panel's blocks. The constants lie where
 * `storeConstants` puts them.
 */
@inline
export function storeTotals(
  first: usize,
  second: usize,
  tail: usize,
  ya: usize,
  yb: usize,
  columns: i32,
  scratch: usize,
): void {
  const m = v128.load32_splat(tail, 32);
  const bl = v128.load(tail);
  const bh = v128.load(tail, 16);
  const floor = v128.load(scratch, 64);
  const base = v128.load(scratch, 80);
  const a = i16x8.narrow_i32x4_s(
    roundFp32(f32x4.add(f32x4.mul(v128.load(first), m), bl), floor, base),
    roundFp32(f32x4.add(f32x4.mul(v128.load(first, 16), m), bh), floor, base),
  );
  const b = i16x8.narrow_i32x4_s(
    roundFp32(f32x4.add(f32x4.mul(v128.load(second), m), bl), floor, base),
    roundFp32(f32x4.add(f32x4.mul(v128.load(second, 16), m), bh), floor, base),
  );
  const clamped = i8x16.min_s(i8x16.narrow_i16x8_s(a, b), v128.load(scratch, 96));
  storePair(v128.xor(clamped, v128.load(scratch, 112)), ya, yb, columns);
}
