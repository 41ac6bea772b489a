/**
 * Panels of minifloat weights: they stay packed in memory, and a tile of the grid opens one panel, or a part of one,
 * at a time in scratch, in the form that its inner loop multiplies, for all rows of a strip. Those of float32 are
 * opened in `gemm-minifloat.ts`.
 *
 *     in memory   │ codes of 8, 6 or 4 bits in the order of the open panel │ tail │
 *     open        │ float32, int8 or int16                                 │ tail │
 *
 *     tail        │ int32 start[8] │ f32 scale[8] │ f32 bias[8] │ f32 low[4] │ f32 high[4] │
 *
 * acc is summed from `start`: what the flip of activations adds to a sum of integers, taken off; 0 for
 * floats. What becomes of acc is in `minifloat-output.ts`.
 */
import { GROUP } from "./formats/minifloat";
import { copyRun, interleaveHigh8, interleaveLow8 } from "./lanes";

/** Bytes of a tail. */
export const TAIL: usize = 128;

/**
 * Values of the codes of FP4 and FP6 as integers, one vector each: low and high bytes of magnitudes 0 to
 * 15 and 16 to 31, the magnitude bits of a code.
 */
const LOW_BYTES: usize = 0;
const HIGH_BYTES: usize = 32;
const MAGNITUDES: usize = 64;

/** Entries of 32 magnitudes; an index of 16 or more gives 0. */
@inline
function lookUp(first: v128, second: v128, magnitudes: v128): v128 {
  const others = i8x16.sub(magnitudes, i8x16.splat(16));
  return v128.or(i8x16.swizzle(first, magnitudes), i8x16.swizzle(second, others));
}


@inline
function negated8(values: v128, isNegative: v128): v128 {
  return i8x16.sub(v128.xor(values, isNegative), isNegative);
}


@inline
function negated16(values: v128, isNegative: v128): v128 {
  return i16x8.sub(v128.xor(values, isNegative), isNegative);
}

/** Codes F as int8. */
@unmanaged
export class Int8Panel<F> {

  @inline
  open(panel: usize, count: i32, table: usize, to: usize): usize {
    const first = v128.load(table, LOW_BYTES);
    const second = v128.load(table, LOW_BYTES + 16);
    const mask = v128.load(table, MAGNITUDES);
    let at = to;
    for (const end = to + (count as usize); at < end; at += GROUP) {
      const codes = changetype<F>(panel).unpack();
      const values = lookUp(first, second, v128.and(codes, mask));
      v128.store(at, negated8(values, i8x16.gt_u(codes, mask)));
      panel += offsetof<F>();
    }
    copyRun(at, panel, TAIL);
    return to;
  }
}

/** Codes F as int16. */
@unmanaged
export class Int16Panel<F> {

  @inline
  open(panel: usize, count: i32, table: usize, to: usize): usize {
    const mask = v128.load(table, MAGNITUDES);
    let at = to;
    for (const end = to + ((count as usize) << 1); at < end; at += 2 * GROUP) {
      const codes = changetype<F>(panel).unpack();
      const magnitudes = v128.and(codes, mask);
      const low = lookUp(v128.load(table, LOW_BYTES), v128.load(table, LOW_BYTES + 16), magnitudes);
      const high = lookUp(
        v128.load(table, HIGH_BYTES),
        v128.load(table, HIGH_BYTES + 16),
        magnitudes,
      );
      const isNegative = i8x16.gt_u(codes, mask);
      const first = negated16(interleaveLow8(low, high), interleaveLow8(isNegative, isNegative));
      const second = negated16(interleaveHigh8(low, high), interleaveHigh8(isNegative, isNegative));
      v128.store(at, first);
      v128.store(at, second, 16);
      panel += offsetof<F>();
    }
    copyRun(at, panel, TAIL);
    return to;
  }
}
