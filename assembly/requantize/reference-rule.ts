/** The rules of TensorFlow Lite's reference kernels as an output stage of tiles. */
import { requantizeFixedLanes, requantizeShifted } from "./fixed-point";
import { baseOf, floorOf, requantizeFp32, storeConstants } from "./fp32";
import {
  OutputParameters,
  RULE_FIXED,
  RULE_FLOAT64,
  RULE_FP32,
  narrowRows,
  storePair,
} from "./output";

/** The other rules. Multipliers: int32 q[8] and int32 exponent[8], or f64[8]. */
@unmanaged
export class ReferenceRule extends OutputParameters {

  @inline
  finish(acc: v128, scale: v128, floor: v128, base: v128): v128 {
    return acc;
  }


  @inline
  settle(row: usize, multipliers: usize): void {
    if (this.rule == RULE_FLOAT64) settleFloat64(this, row, multipliers);
    else if (this.rule == RULE_FP32) settleFp32(this, row, multipliers);
    else settleFixed(this, row, multipliers);
  }


  @inline
  sum(acc: v128, scratch: usize): v128 {
    return i32x4.shr_s(acc, 6);
  }


  @inline
  scaleDown(multipliers: usize, to: usize): usize {
    return multipliers;
  }


  @inline
  prepare(scratch: usize): void {
    storeConstants(this, scratch);
  }


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
    storeReferenceRows(this, al, ah, bl, bh, multipliers, ya, yb, columns, scratch);
  }

  /** Six rows of eight accumulators → codes. */
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

/** Two rows of eight accumulators → codes, by way of `scratch` (64 bytes). One copy of it: a seldom rule, and code is bytes to load. */
function storeReferenceRows(
  rule: ReferenceRule,
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
  v128.store(scratch, al);
  v128.store(scratch, ah, 16);
  v128.store(scratch, bl, 32);
  v128.store(scratch, bh, 48);
  rule.settle(scratch, multipliers);
  rule.settle(scratch + 32, multipliers);
  const high = v128.load(scratch, 96);
  const flip = v128.load(scratch, 112);
  storePair(narrowRows(scratch, scratch + 32, high, flip), ya, yb, columns);
}

/** Requantises the eight int32 of `row` in place. Multipliers: f32[8]. */
function settleFp32(p: OutputParameters, row: usize, multipliers: usize): void {
  const floor = floorOf(p.low, p.zeroPoint);
  const base = baseOf(p.zeroPoint);
  v128.store(row, requantizeFp32(v128.load(row), v128.load(multipliers), floor, base));
  const second = requantizeFp32(v128.load(row, 16), v128.load(multipliers, 16), floor, base);
  v128.store(row, second, 16);
}

/**
 * Requantises the eight int32 of `row` in place. Multipliers: int32 q[8], then where `shift` is not 0 the
 * factors of `requantizeShifted`, else exponents; int32 shift, int32 limit.
 */
function settleFixed(p: OutputParameters, row: usize, multipliers: usize): void {
  const away = i32x4.splat(p.rule == RULE_FIXED ? -1 : 0);
  const zeroPoint = i32x4.splat(p.zeroPoint);
  // Clamped before the zero point is added: the sum may leave int32.
  const low = i32x4.splat(p.low - p.zeroPoint);
  const high = i32x4.splat(p.high - p.zeroPoint);
  const shift = load<i32>(multipliers, 64);
  if (shift != 0) {
    const limit = v128.load32_splat(multipliers, 68);
    const half = i32x4.splat(1 << (shift - 2));
    for (const end = row + 32; row < end; row += 16) {
      const q = v128.load(multipliers);
      const factor = v128.load(multipliers, 32);
      const acc = v128.load(row);
      const scaled = requantizeShifted(acc, q, factor, limit, half, shift - 1, away);
      const clamped = i32x4.min_s(i32x4.max_s(scaled, low), high);
      v128.store(row, i32x4.add(clamped, zeroPoint));
      multipliers += 16;
    }
    return;
  }
  for (const end = row + 32; row < end; row += 16) {
    const q = v128.load(multipliers);
    const exponents = v128.load(multipliers, 32);
    const scaled = requantizeFixedLanes(v128.load(row), q, exponents, away);
    const clamped = i32x4.min_s(i32x4.max_s(scaled, low), high);
    v128.store(row, i32x4.add(clamped, zeroPoint));
    multipliers += 16;
  }
}

/** Requantises the eight int32 of `row` in place. Multipliers: f64[8]. */
function settleFloat64(p: OutputParameters, row: usize, multipliers: usize): void {
  for (const end = row + 32; row < end; row += 4) {
    const scaled = roundHalfAway(<f64>load<i32>(row) * load<f64>(multipliers));
    // Clamped before the conversion: the product may leave the int32 range.
    const clamped = min<f64>(max<f64>(scaled + <f64>p.zeroPoint, <f64>p.low), <f64>p.high);
    store<i32>(row, <i32>clamped);
    multipliers += 8;
  }
}

/** Nearest integer, ties away from zero. */
@inline
export function roundHalfAway(value: f64): f64 {
  const whole = trunc(value);
  return abs(value - whole) >= 0.5 ? whole + copysign<f64>(1, value) : whole;
}
