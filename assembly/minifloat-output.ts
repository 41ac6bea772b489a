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
 *     t = trunc(f32(acc) · multiplier + bias), clamped          about 2 · y / s in units
 *     half = 1 for |t| ≤ finest, 2 for |t| ≤ 2 · finest + 1, else 4
 *     units = ±⌊(|t| + half) / (2 · half)⌋ · half
 *
 * Halves of the steps of 1, 2 and 4 units lie at whole numbers of 2 · y / s. Bytes suffice: |t| of the
 * largest number is 123 at most.
 */
import { clampFloat } from "./float-tiles";
import { storePart128 } from "./lanes";
import { OutputParameters, storePair } from "./requantize/output";

/** `OutputParameters.rule`: floats are 0. */
export const RULE_UNITS: i32 = 4;

/** The last step of every result: bias, clamp, and one NaN for all. */
@inline
export function finishFloat(scaled: v128, bias: v128, low: v128, high: v128): v128 {
  return clampFloat(f32x4.add(scaled, bias), low, high);
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

/** From int32 accumulators to float32: an output rule of `gemm.ts` and `dot-tiles.ts`. */
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

  /** Six rows of eight accumulators → floats. */
  @inline
  storeSix(
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
    fl: v128,
    fh: v128,
    multipliers: usize,
    ya: usize,
    yb: usize,
    yc: usize,
    yd: usize,
    ye: usize,
    yf: usize,
    columns: i32,
    scratch: usize,
  ): void {
    this.storeRows(al, ah, bl, bh, multipliers, ya, yb, columns, scratch);
    this.storeRows(cl, ch, dl, dh, multipliers, yc, yd, columns, scratch);
    this.storeRows(el, eh, fl, fh, multipliers, ye, yf, columns, scratch);
  }
}

/** Constants of `UnitsRule` in scratch: in registers they would push sums of a tile to the stack. */
const LOW_AT: usize = 0;
const HIGH_AT: usize = 16;
const FINEST_AT: usize = 32;
const FINER_AT: usize = 48;
const FLIP_AT: usize = 64;
const MORE_AT: usize = 80;

/** `finest`: the largest |t| of steps of 1. `low` and `high` of the block: the range of t. */
export function storeUnitConstants(p: OutputParameters, finest: i32, to: usize): void {
  v128.store(to, i8x16.splat(<i8>p.low), LOW_AT);
  v128.store(to, i8x16.splat(<i8>p.high), HIGH_AT);
  v128.store(to, i8x16.splat(<i8>finest), FINEST_AT);
  v128.store(to, i8x16.splat(<i8>(2 * finest + 1)), FINER_AT);
  v128.store(to, i8x16.splat(<i8>p.flip), FLIP_AT);
  v128.store(to, i8x16.splat(p.flip > 0 ? -1 : 0), MORE_AT);
}

/**
 * Eight t as int16. Whether the product is rounded before the sum is the machine's: the plan has proven the
 * steps for both, and that t fits int32, where the conversion has one meaning.
 */
@inline
export function stepsOf(a: v128, b: v128, m: v128, n: v128, biasA: v128, biasB: v128): v128 {
  const first = f32x4.relaxed_madd(f32x4.convert_i32x4_s(a), m, biasA);
  const second = f32x4.relaxed_madd(f32x4.convert_i32x4_s(b), n, biasB);
  return i16x8.narrow_i32x4_s(
    i32x4.relaxed_trunc_f32x4_s(first),
    i32x4.relaxed_trunc_f32x4_s(second),
  );
}

/** 16 t ≥ 0 → 2 · units. */
@inline
function twiceUnits(t: v128, finest: v128, finer: v128): v128 {
  // True is −1: minus half a step of 2 · units.
  const coarser = i8x16.gt_s(t, finer);
  const half = i8x16.add(
    i8x16.add(i8x16.gt_s(t, finest), i8x16.splat(-1)),
    i8x16.add(coarser, coarser),
  );
  return v128.and(i8x16.sub(t, half), i8x16.add(half, half));
}

/**
 * 16 t, narrowed as unsigned → units, flipped. `more`: 0, or −1 to flip, as (2 · u + 256) / 2 is u + 128.
 */
@inline
export function settlePositive(
  steps: v128,
  high: v128,
  finest: v128,
  finer: v128,
  more: v128,
): v128 {
  const t = i8x16.min_u(steps, high);
  return i8x16.avgr_u(twiceUnits(t, finest, finer), more);
}

/** 16 t, narrowed as signed → units, flipped. */
@inline
export function settleSigned(
  steps: v128,
  low: v128,
  high: v128,
  finest: v128,
  finer: v128,
  flip: v128,
): v128 {
  const zero = i8x16.splat(0);
  const t = i8x16.max_s(i8x16.min_s(steps, high), low);
  const sign = i8x16.gt_s(zero, t);
  const units = i8x16.avgr_u(twiceUnits(i8x16.abs(t), finest, finer), zero);
  return v128.xor(i8x16.sub(v128.xor(units, sign), sign), flip);
}


@inline
function settleStored(a: v128, b: v128, constants: usize): v128 {
  return settleSigned(
    i8x16.narrow_i16x8_s(a, b),
    v128.load(constants, LOW_AT),
    v128.load(constants, HIGH_AT),
    v128.load(constants, FINEST_AT),
    v128.load(constants, FINER_AT),
    v128.load(constants, FLIP_AT),
  );
}

/** From int32 accumulators to units: an output rule of `dot-tiles.ts`. */
@unmanaged
export class UnitsRule extends OutputParameters {
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
    const a = stepsOf(al, ah, ml, mh, biasL, biasH);
    const b = stepsOf(bl, bh, ml, mh, biasL, biasH);
    storePair(settleStored(a, b, scratch), ya, yb, columns);
  }

  /** Six rows of eight accumulators → units. */
  @inline
  storeSix(
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
    fl: v128,
    fh: v128,
    multipliers: usize,
    ya: usize,
    yb: usize,
    yc: usize,
    yd: usize,
    ye: usize,
    yf: usize,
    columns: i32,
    scratch: usize,
  ): void {
    const ml = v128.load(multipliers);
    const mh = v128.load(multipliers, 16);
    const biasL = v128.load(multipliers, 32);
    const biasH = v128.load(multipliers, 48);
    const a = stepsOf(al, ah, ml, mh, biasL, biasH);
    const b = stepsOf(bl, bh, ml, mh, biasL, biasH);
    const c = stepsOf(cl, ch, ml, mh, biasL, biasH);
    const d = stepsOf(dl, dh, ml, mh, biasL, biasH);
    const e = stepsOf(el, eh, ml, mh, biasL, biasH);
    const f = stepsOf(fl, fh, ml, mh, biasL, biasH);
    if (this.low < 0) {
      storePair(settleStored(a, b, scratch), ya, yb, columns);
      storePair(settleStored(c, d, scratch), yc, yd, columns);
      storePair(settleStored(e, f, scratch), ye, yf, columns);
    } else {
      // Loaded once: the engine would load them anew behind every store.
      const high = v128.load(scratch, HIGH_AT);
      const finest = v128.load(scratch, FINEST_AT);
      const finer = v128.load(scratch, FINER_AT);
      const more = v128.load(scratch, MORE_AT);
      const ab = settlePositive(i8x16.narrow_i16x8_u(a, b), high, finest, finer, more);
      const cd = settlePositive(i8x16.narrow_i16x8_u(c, d), high, finest, finer, more);
      const ef = settlePositive(i8x16.narrow_i16x8_u(e, f), high, finest, finer, more);
      storePair(ab, ya, yb, columns);
      storePair(cd, yc, yd, columns);
      storePair(ef, ye, yf, columns);
    }
  }
}
