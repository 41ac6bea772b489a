/**
 * The rounding primitives of the two rules (docs/exactness.md): every 8-bit result is made of these.
 * All functions are exact for every int32 argument; nothing here depends on Math.log or Math.pow.
 */

import { QuantizationError } from "../errors.ts";

/** `fp32`: float32 multiply, ties to even (default). `tflite-reference`: gemmlowp's fixed point. */
export type Rounding = "fp32" | "tflite-reference";

export const INT32_MAX = 2147483647;
export const INT32_MIN = -2147483648;

/** One IEEE float32 rounding. */
export const f32 = Math.fround;

/** RHA: nearest integer, ties away from zero. */
export function roundHalfAway(value: number): number {
  // floor(|v| + 0.5) would round 0.49999999999999994 up; compare the exact fraction instead.
  const magnitude = Math.abs(value);
  const floor = Math.floor(magnitude);
  const rounded = magnitude - floor >= 0.5 ? floor + 1 : floor;
  return value < 0 ? -rounded : rounded;
}

/** A real multiplier as Q · 2^(exponent − 31), Q in [2^30, 2^31). */
export interface FixedMultiplier {
  readonly q: number;
  readonly exponent: number;
}

const view = new DataView(new ArrayBuffer(8));

/** value = mantissa · 2^exponent with 0.5 ≤ mantissa < 1, for finite value > 0. */
export function frexp(value: number): { mantissa: number; exponent: number } {
  view.setFloat64(0, value);
  let high = view.getUint32(0);
  let exponent = (high >>> 20) & 0x7ff;
  if (exponent === 0) {
    view.setFloat64(0, value * 2 ** 54);
    high = view.getUint32(0);
    exponent = ((high >>> 20) & 0x7ff) - 54;
  }
  view.setUint32(0, (high & 0x800fffff) | (1022 << 20));
  return { mantissa: view.getFloat64(0), exponent: exponent - 1022 };
}

/**
 * QM(d): fixed-point form of a finite real multiplier d ≥ 0.
 * @throws QuantizationError d ≥ 2^31: MBQM shifts by the exponent, and no int32 shift goes that far
 */
export function quantizeMultiplier(value: number): FixedMultiplier {
  if (value === 0) return { q: 0, exponent: 0 };
  let { mantissa, exponent } = frexp(value);
  let q = roundHalfAway(mantissa * 2147483648);
  if (q === 2147483648) {
    q /= 2;
    exponent += 1;
  }
  if (exponent < -31) return { q: 0, exponent: 0 };
  if (exponent > 31) {
    throw new QuantizationError(`expected a fixed-point multiplier below 2^31, got ${value}`);
  }
  return { q, exponent };
}

/** SRDHM(x, Q): high half of 2·x·Q, rounded; ties go toward +infinity; saturates −2^31 · −2^31. */
export function saturatingRoundingDoublingHighMul(x: number, q: number): number {
  if (x === INT32_MIN && q === INT32_MIN) return INT32_MAX;
  // x·q = high·2^16 + low, both exact in doubles; floor((x·q + 2^30) / 2^31) in two steps.
  const high = x * (q >> 16);
  const low = x * (q & 0xffff);
  return Math.floor((high + Math.floor((low + 1073741824) / 65536)) / 32768);
}

/** RDPOT(x, k): x / 2^k, ties away from zero. */
export function roundingDivideByPowerOfTwo(x: number, k: number): number {
  if (k === 0) return x;
  const mask = k === 31 ? 0x7fffffff : (1 << k) - 1;
  const remainder = x & mask;
  const threshold = (mask >> 1) + (x < 0 ? 1 : 0);
  return (x >> k) + (remainder > threshold ? 1 : 0);
}

/** MBQM(x, (Q, e)): gemmlowp's double rounding. x · 2^max(e, 0) wraps to 32 bits as in TFLite. */
export function multiplyByQuantizedMultiplier(x: number, { q, exponent }: FixedMultiplier): number {
  const left = exponent > 0 ? exponent : 0;
  const right = exponent > 0 ? 0 : -exponent;
  return roundingDivideByPowerOfTwo(saturatingRoundingDoublingHighMul(x << left, q), right);
}

/** Clamp to [low, high]. */
export function saturate(value: number, low: number, high: number): number {
  return value < low ? low : value > high ? high : value;
}
