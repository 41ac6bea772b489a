/**
 * From sums of layers with minifloat weights to what is stored.
 *
 * **Floats** (`FloatRule`): y = clamp(f32(f32(f32(acc) · scale) + bias)).
 *
 * **Units** (`UnitsRule`): what all readers of y make of it, the number of FP6 E2M3 or FP4 E2M1 nearest to
 * f32(y / s), as int8 in the format's unit (1/8, 1/2). y and so the number are monotone in the integer sum:
 * a step function whose steps the plan knows. The kernel makes the same steps from what the plan has found,
 * and proven, for each channel (`src/kernels/minifloat-units.ts`): a sum starts from bits that make
 * it a float32 number N of [2^23, 2^24), and one fused multiply-add makes
 *
 *     −(1.5 · 2^23 + t)          t about 2 · y / s in units, and 128 or 32
 *
 * whose lower 16 bits are t as int16, and the upper ones a negative int16: narrowed as unsigned twice, t is left
 * as a byte, saturated. Halves of the steps of 1, 2 and 4 units lie at whole numbers of 2 · y / s, so
 *
 *     u = ⌊(t + e + 1) / 2⌋ with the bits of e cleared       e = 0, 1, 3 for steps of 1, 2, 4
 *
 * where e depends on the upper bits of t alone: a table of 16.
 */
import { clampFloat } from "./float-tiles";
import { storePart128 } from "./lanes";
import { OutputParameters, storePair } from "./requantize/output";

/** `OutputParameters.rule`: floats are 0, FP4 is the next one. */
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

/** Constants of `UnitsRule`, a vector each: in registers they would push sums of a tile to the stack. */
const EXTRAS_AT: usize = 0;
const LOW_AT: usize = 16;
const HIGH_AT: usize = 32;
const SHIFT_AT: usize = 48;
const NIBBLE_AT: usize = 64;
export const UNIT_CONSTANTS: usize = 80;

/** Four or eight t as int16 from sums, or as many zeros behind them. */
@inline
export function stepsOf(a: v128, b: v128, m: v128, n: v128, biasA: v128, biasB: v128): v128 {
  return i8x16.narrow_i16x8_u(f32x4.relaxed_madd(a, m, biasA), f32x4.relaxed_madd(b, n, biasB));
}

/** 16 t → units, flipped. `isSmall`: of FP4. */
@inline
function unitsOf(steps: v128, constants: usize, isSmall: bool): v128 {
  const high = v128.load(constants, HIGH_AT);
  const t = i8x16.max_u(i8x16.min_u(steps, high), v128.load(constants, LOW_AT));
  const upper = isSmall ? i16x8.shr_u(t, 2) : i16x8.shr_u(t, 4);
  const extra = i8x16.relaxed_swizzle(
    v128.load(constants, EXTRAS_AT),
    v128.and(upper, v128.load(constants, NIBBLE_AT)),
  );
  const units = v128.andnot(i8x16.avgr_u(t, extra), extra);
  return i8x16.add(units, v128.load(constants, SHIFT_AT));
}

/** The same as a parameter block says. */
@inline
export function unitsByRule(steps: v128, constants: usize, rule: i32): v128 {
  if (rule == RULE_UNITS) return unitsOf(steps, constants, false);
  return unitsOf(steps, constants, true);
}

/** From sums to units: an output rule of `dot-tiles.ts`, with its constants in scratch. */
@unmanaged
export class UnitsRule extends OutputParameters {
  /** Of an element of y. */
  @inline
  bytes(): usize {
    return 1;
  }

  /** Two rows of eight sums → units. `multipliers`: behind the start of a tail. */
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
    const steps = i8x16.narrow_i16x8_u(a, b);
    storePair(unitsByRule(steps, scratch, this.rule), ya, yb, columns);
  }

  /** Six rows of eight sums → units. */
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
    let ab = i8x16.narrow_i16x8_u(a, b);
    let cd = i8x16.narrow_i16x8_u(c, d);
    let ef = i8x16.narrow_i16x8_u(e, f);
    if (this.rule == RULE_UNITS) {
      ab = unitsOf(ab, scratch, false);
      cd = unitsOf(cd, scratch, false);
      ef = unitsOf(ef, scratch, false);
    } else {
      ab = unitsOf(ab, scratch, true);
      cd = unitsOf(cd, scratch, true);
      ef = unitsOf(ef, scratch, true);
    }
    storePair(ab, ya, yb, columns);
    storePair(cd, yc, yd, columns);
    storePair(ef, ye, yf, columns);
  }
}
