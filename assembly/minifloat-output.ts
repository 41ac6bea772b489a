/**
 * From sums of layers with minifloat weights to what is stored.
 *
 * **Floats** (`FloatRule`): y = clamp(f32(f32(f32(acc) · scale) + bias)).
 *
 * **Units** (`UnitsRule`): what all readers of y make of it, the number of FP6 E2M3 or FP4 E2M1 nearest to
 * f32(y / s), as int8 in the format's unit (1/8, 1/2). y and so the number are monotone in the integer acc:
 * a step function whose steps the plan knows. The kernel makes the same steps from a multiplier and a
 * bias that the plan has found, and proven, for each channel (`src/kernels/minifloat-units.ts`):
 *
 *     t = RNE(f32(f32(f32(acc) · multiplier) + bias)), clamped          about 2 · y / s − 1/2 in units
 *     half = 1 for t ≤ finest, 2 for t ≤ 2 · finest + 1, else 4
 *     units = ⌊(t + half) / (2 · half)⌋ · half; for t < 0 those of −1 − t, negated
 *
 * Steps of 1, 2 and 4 units lie where 2 · y / s passes odd numbers of halves. Bytes suffice: t of
 * the largest number is 123 at most.
 */
import { storePart128 } from "./lanes";
import { OutputParameters, storePair } from "./requantize";

/** `OutputParameters.rule`: floats are 0. */
export const RULE_UNITS: i32 = 4;

/** 1.5 · 2^23, as in `requantize.ts`: as a float32 and as its bits. */
const MAGIC: f32 = 12582912.0;
const MAGIC_BITS: i32 = 0x4b400000;

/** The last step of every result: bias, clamp, and one NaN for all. */
@inline
export function finishFloat(scaled: v128, bias: v128, low: v128, high: v128): v128 {
  const clamped = f32x4.pmin(f32x4.pmax(f32x4.add(scaled, bias), low), high);
  return v128.bitselect(clamped, i32x4.splat(0x7fc00000), f32x4.eq(clamped, clamped));
}

/** Eight floats, or the first `columns` of them. */
@inline
export function storeFloats(to: usize, l: v128, h: v128, columns: i32): void {
  if (columns >= 8) {
    v128.store(to, l);
    v128.store(to, h, 16);
  } else {
    storePart128(to, l, columns << 2);
    if (columns > 4) storePart128(to + 16, h, (columns - 4) << 2);
  }
}

/** From int32 accumulators to float32: an output rule of `gemm.ts` and `gemm-dot.ts`. */
@unmanaged
export class FloatRule {
  /** Of an element of y. */
  @inline
  bytes(): usize {
    return 4;
  }


  @inline
  finish(acc: v128, scale: v128, floor: v128, base: v128): v128 {
    return f32x4.mul(f32x4.convert_i32x4_s(acc), scale);
  }

  /** A row of eight in memory; `multipliers`: behind the start of a tail. */
  @inline
  settle(row: usize, multipliers: usize): void {
    const low = v128.load(multipliers, 64);
    const high = v128.load(multipliers, 80);
    v128.store(row, finishFloat(v128.load(row), v128.load(multipliers, 32), low, high));
    const second = finishFloat(v128.load(row, 16), v128.load(multipliers, 48), low, high);
    v128.store(row, second, 16);
  }

  /** Two rows of eight accumulators → floats. */
  @inline
  storeRows(
    al: v128,
    ah: v128,
    bl: v128,
    bh: v128,
    multipliers: usize,
    ya: usize,
    yb: usize,
    columns: i32,
    scratch: usize,
  ): void {
    this.storeRow(al, ah, multipliers, ya, columns);
    this.storeRow(bl, bh, multipliers, yb, columns);
  }


  @inline
  storeRow(l: v128, h: v128, multipliers: usize, y: usize, columns: i32): void {
    const low = v128.load(multipliers, 64);
    const high = v128.load(multipliers, 80);
    const scaledLow = f32x4.mul(f32x4.convert_i32x4_s(l), v128.load(multipliers));
    const scaledHigh = f32x4.mul(f32x4.convert_i32x4_s(h), v128.load(multipliers, 16));
    storeFloats(
      y,
      finishFloat(scaledLow, v128.load(multipliers, 32), low, high),
      finishFloat(scaledHigh, v128.load(multipliers, 48), low, high),
      columns,
    );
  }

  /** Five rows of eight accumulators → floats. */
  @inline
  storeFive(
    al: v128,
    ah: v128,
    bl: v128,
    bh: v128,
    cl: v128,
    ch: v128,
    dl: v128,
    dh: v128,
    el: v128,
    eh: v128,
    multipliers: usize,
    ya: usize,
    yb: usize,
    yc: usize,
    yd: usize,
    ye: usize,
    columns: i32,
    scratch: usize,
  ): void {
    this.storeRows(al, ah, bl, bh, multipliers, ya, yb, columns, scratch);
    this.storeRows(cl, ch, dl, dh, multipliers, yc, yd, columns, scratch);
    this.storeRows(el, eh, el, eh, multipliers, ye, ye, columns, scratch);
  }
}

/** Constants of `UnitsRule` in scratch: in registers they would push sums of a tile to the stack. */
const MAGIC_AT: usize = 0;
const BASE_AT: usize = 16;
const MOST_AT: usize = 32;
const LIFT_AT: usize = 48;
const FINEST_AT: usize = 64;
const FINER_AT: usize = 80;
const FLIP_AT: usize = 96;

/**
 * `finest`: the largest t of steps of 1. `low` and `high` of the block: the range of t. Bytes are
 * computed less `lift`, so that the saturating narrowing clamps them from below.
 */
export function storeUnitConstants(p: OutputParameters, finest: i32, to: usize): void {
  const lift = p.low + 128;
  v128.store(to, f32x4.splat(MAGIC), MAGIC_AT);
  v128.store(to, i32x4.splat(MAGIC_BITS + lift), BASE_AT);
  v128.store(to, i8x16.splat(<i8>(p.high - lift)), MOST_AT);
  v128.store(to, i8x16.splat(<i8>lift), LIFT_AT);
  v128.store(to, i8x16.splat(<i8>finest), FINEST_AT);
  v128.store(to, i8x16.splat(<i8>(2 * finest + 1)), FINER_AT);
  v128.store(to, i8x16.splat(<i8>p.flip), FLIP_AT);
}

/** Four t, less the lift. Exact: the plan proves that none leaves ±2^22. */
@inline
function stepOf(acc: v128, multiplier: v128, bias: v128, magic: v128, base: v128): v128 {
  const scaled = f32x4.add(f32x4.mul(f32x4.convert_i32x4_s(acc), multiplier), bias);
  return i32x4.sub(f32x4.add(scaled, magic), base);
}

/** Four vectors of sums → 16 t, less the lift. Two multipliers and biases in turn. */
@inline
export function narrowSteps(
  a: v128,
  b: v128,
  c: v128,
  d: v128,
  multiplier: v128,
  second: v128,
  bias: v128,
  secondBias: v128,
  constants: usize,
): v128 {
  const magic = v128.load(constants, MAGIC_AT);
  const base = v128.load(constants, BASE_AT);
  const ab = i16x8.narrow_i32x4_s(
    stepOf(a, multiplier, bias, magic, base),
    stepOf(b, second, secondBias, magic, base),
  );
  const cd = i16x8.narrow_i32x4_s(
    stepOf(c, multiplier, bias, magic, base),
    stepOf(d, second, secondBias, magic, base),
  );
  return i8x16.narrow_i16x8_s(ab, cd);
}

/** 16 t, less the lift → units. */
@inline
export function onGrid(lifted: v128, constants: usize): v128 {
  const zero = i8x16.splat(0);
  const clamped = i8x16.min_s(lifted, v128.load(constants, MOST_AT));
  const t = i8x16.add(clamped, v128.load(constants, LIFT_AT));
  const sign = i8x16.gt_s(zero, t);
  const magnitude = v128.xor(t, sign);
  // True is −1: minus half a step of 2 · units.
  const isCoarse = i8x16.gt_s(magnitude, v128.load(constants, FINEST_AT));
  const isCoarser = i8x16.gt_s(magnitude, v128.load(constants, FINER_AT));
  const coarser = i8x16.add(isCoarser, isCoarser);
  const half = i8x16.add(i8x16.add(i8x16.splat(-1), isCoarse), coarser);
  const twice = v128.and(i8x16.sub(magnitude, half), i8x16.add(half, half));
  const units = i8x16.avgr_u(twice, zero);
  return v128.xor(i8x16.sub(v128.xor(units, sign), sign), v128.load(constants, FLIP_AT));
}

/** From int32 accumulators to units: an output rule of `gemm-dot.ts`. */
@unmanaged
export class UnitsRule {
  /** Of an element of y. */
  @inline
  bytes(): usize {
    return 1;
  }

  /** Two rows of eight accumulators → units. `multipliers`: behind the start of a tail. */
  @inline
  storeRows(
    al: v128,
    ah: v128,
    bl: v128,
    bh: v128,
    multipliers: usize,
    ya: usize,
    yb: usize,
    columns: i32,
    scratch: usize,
  ): void {
    const ml = v128.load(multipliers);
    const mh = v128.load(multipliers, 16);
    const biasL = v128.load(multipliers, 32);
    const biasH = v128.load(multipliers, 48);
    const steps = narrowSteps(al, ah, bl, bh, ml, mh, biasL, biasH, scratch);
    storePair(onGrid(steps, scratch), ya, yb, columns);
  }

  /** Five rows of eight accumulators → units. */
  @inline
  storeFive(
    al: v128,
    ah: v128,
    bl: v128,
    bh: v128,
    cl: v128,
    ch: v128,
    dl: v128,
    dh: v128,
    el: v128,
    eh: v128,
    multipliers: usize,
    ya: usize,
    yb: usize,
    yc: usize,
    yd: usize,
    ye: usize,
    columns: i32,
    scratch: usize,
  ): void {
    this.storeRows(al, ah, bl, bh, multipliers, ya, yb, columns, scratch);
    this.storeRows(cl, ch, dl, dh, multipliers, yc, yd, columns, scratch);
    this.storeRows(el, eh, el, eh, multipliers, ye, ye, columns, scratch);
  }
}
