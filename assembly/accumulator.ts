/**
 * An emulated narrow accumulator: float32 sums of two numbers, each rounded once to the accumulator's format,
 * in the ways of docs/accumulators.md (Kernels). `chunkedRounding` of src/kernels/chunked.ts has the bounds.
 * Every number that occurs is a multiple of the smallest product, so no step underflows.
 */

/** Where rounding and draws are described; the last fields of a kernel's block. */
@unmanaged
export class Accumulator {
  /** How sums are rounded: `NEAREST` and the others. */
  mode: i32;
  /** Products of a chunk. */
  chunk: i32;
  /** Bits of the smallest normal number's exponent; of 2^(127 + M); of 2^M, above bit 23 each. */
  leastExponent: i32;
  scaleBase: i32;
  mantissaStep: i32;
  /** Largest number, and what is above it. */
  max: f32;
  overflow: f32;
  /** 1.5 · 2^(23 − M) times an exponent, as what is added to its bits. */
  magic: i32;
  /** The 23 − M bits of a float32 that are rounded away. */
  tail: i32;
  /** From a word to as many of its upper bits. */
  drawShift: i32;
  /** Twice the bits of the largest magnitude, and of the smallest normal one less 1. */
  limit: i32;
  least: i32;
  /** Position of a draw: key, counter, blocks of four draws of one output. */
  key0: i32;
  key1: i32;
  layer: i32;
  step: i32;
  stream: i32;
  outputBlocks: i32;
}

/** How sums are rounded: to nearest, with addends of more digits than the accumulator, or by draws. */
export const NEAREST = 0;
export const NEAREST_WIDE = 1;
export const STOCHASTIC = 2;

/** Bytes of four vectors: of four rows of four, or of four draws of a row of four. */
export const FOUR: usize = 64;

/** The lanes of a vector that are larger than the largest number become what is above it. */
@inline
function limited(accumulator: usize, value: v128, sign: v128): v128 {
  const max = v128.load32_splat(accumulator, offsetof<Accumulator>("max"));
  const overflow = v128.load32_splat(accumulator, offsetof<Accumulator>("overflow"));
  const isOverflow = f32x4.gt(f32x4.abs(value), max);
  return v128.or(v128.bitselect(overflow, value, isOverflow), sign);
}

/** The error of sum = f32(c + x): c + x − sum (Knuth's TwoSum); NaN for infinite sums. */
@inline
function errorOf(sum: v128, c: v128, x: v128): v128 {
  const part = f32x4.sub(sum, c);
  return f32x4.add(f32x4.sub(c, f32x4.sub(sum, part)), f32x4.sub(x, part));
}

/**
 * c + x = sum + error by draws. |sum| · 2^k counts steps of the format, 2^−k being the step at |sum|.
 * Steps are cut off at sum + error, and one is added if draw / 2^24 is below the fraction.
 */
@inline
function roundDrawn(c: v128, x: v128, draw: v128, accumulator: usize): v128 {
  const sum = f32x4.add(c, x);
  const sign = v128.and(sum, i32x4.splat(0x80000000));
  const magnitude = v128.xor(sum, sign);
  // Toward zero or away from it.
  const rest = v128.xor(errorOf(sum, c, x), sign);
  const cut = i32x4.add(magnitude, f32x4.lt(rest, f32x4.splat(0)));
  const exponent = i32x4.max_s(
    v128.and(cut, i32x4.splat(0x7f800000)),
    v128.load32_splat(accumulator, offsetof<Accumulator>("leastExponent")),
  );
  const scale = i32x4.sub(
    v128.load32_splat(accumulator, offsetof<Accumulator>("scaleBase")),
    exponent,
  );
  const unit = i32x4.sub(
    exponent,
    v128.load32_splat(accumulator, offsetof<Accumulator>("mantissaStep")),
  );
  const steps = f32x4.trunc(f32x4.mul(cut, scale));
  // In units of 2^−24 of a step.
  const fine = i32x4.add(scale, i32x4.splat(24 << 23));
  const fraction = f32x4.sub(f32x4.mul(magnitude, fine), f32x4.mul(steps, f32x4.splat(16777216)));
  const threshold = f32x4.convert_i32x4_s(i32x4.shr_u(draw, 8));
  const isUp = f32x4.lt(f32x4.sub(threshold, fraction), f32x4.mul(rest, fine));
  const value = f32x4.mul(f32x4.add(steps, v128.and(isUp, f32x4.splat(1))), unit);
  return limited(accumulator, value, sign);
}

/** `to` = `from` + `more`, four vectors each; the draws of a row lie `FOUR` bytes behind those of the last. */
export function addRows(
  accumulator: usize,
  from: usize,
  more: usize,
  draw: usize,
  to: usize,
  stochastic: bool,
): void {
  for (const end = to + FOUR; to < end; to += 16) {
    const c = v128.load(from);
    const x = v128.load(more);
    if (stochastic) v128.store(to, roundDrawn(c, x, v128.load(draw), accumulator));
    else {
      const least = v128.load32_splat(accumulator, offsetof<Accumulator>("leastExponent"));
      const magic = v128.load32_splat(accumulator, offsetof<Accumulator>("magic"));
      const sign = v128.and(f32x4.add(c, x), i32x4.splat(0x80000000));
      v128.store(to, limited(accumulator, addWide(c, x, least, magic), sign));
    }
    from += 16;
    more += 16;
    draw += FOUR;
  }
}

/**
 * c + x to the nearest: 1.5 · 2^(e + 23 − M), e the exponent of the sum, has the format's step as its unit in
 * the last place. Right where x has no more digits than the accumulator and no sum is below its
 * smallest number; above its largest one the result is larger than that, or NaN.
 */
@inline
export function addNearest(c: v128, x: v128, magic: v128): v128 {
  const sum = f32x4.add(c, x);
  const large = i32x4.add(v128.and(sum, i32x4.splat(0x7f800000)), magic);
  return f32x4.sub(f32x4.add(sum, large), large);
}

/**
 * The same with an eye on the error of the float32 sum, for all x. An error other than 0 goes into its last bit
 * (rounding to odd): the sum is not half-way between two numbers then, and stays on the side where it is.
 * float32 has the 2 bits more than the format that this takes.
 */
@inline
export function addWide(c: v128, x: v128, least: v128, magic: v128): v128 {
  const sum = f32x4.add(c, x);
  const error = errorOf(sum, c, x);
  // The error of infinity is NaN: not above 0.
  const isInexact = f32x4.gt(f32x4.abs(error), f32x4.splat(0));
  const isLess = v128.and(i32x4.shr_s(v128.xor(sum, error), 31), isInexact);
  const moved = v128.or(i32x4.add(sum, isLess), i32x4.shr_u(isInexact, 31));
  const exponent = i32x4.max_s(v128.and(moved, i32x4.splat(0x7f800000)), least);
  const large = i32x4.add(exponent, magic);
  const value = f32x4.sub(f32x4.add(moved, large), large);
  return v128.or(value, v128.and(sum, i32x4.splat(0x80000000)));
}
