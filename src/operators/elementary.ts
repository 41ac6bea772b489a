/**
 * exp, expm1, tanh and erfc made of + − · / and bit operations in float64, so that every host gives
 * the same bits; Math.exp and the like may differ between engines (docs/exactness.md, section 7).
 * Relative error below 2^-45.
 */

/** ln 2 in two parts: the first has 32 bits, so that k · LN2_HIGH is exact for |k| < 2^11. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const LOG2_E = 1.4426950408889634;
const TWO_OVER_SQRT_PI = 1.1283791670955126;
const ONE_OVER_SQRT_PI = 0.5641895835477563;

const view = new DataView(new ArrayBuffer(8));

/** 2^k for −1022 ≤ k ≤ 1023. */
function powerOfTwo(k: number): number {
  view.setUint32(0, (k + 1023) << 20);
  view.setUint32(4, 0);
  return view.getFloat64(0);
}

/** e^r − 1 for |r| ≤ 0.5: the Taylor series up to r^17, whose rest is below 2^-70. */
function expm1Small(r: number): number {
  let sum = 0;
  for (let n = 17; n >= 1; n--) sum = (sum + 1) * (r / n);
  return sum;
}

/** e^x = 2^k · e^r with |r| ≤ ln 2 / 2. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x > 709.79) return Infinity;
  if (x < -745.14) return 0;
  const k = Math.floor(x * LOG2_E + 0.5);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  // In two factors, so that results near overflow and below 2^-1022 are formed without a detour.
  const half = Math.floor(k / 2);
  return (1 + expm1Small(r)) * powerOfTwo(half) * powerOfTwo(k - half);
}

/** e^x − 1, precise near 0. */
export function expm1(x: number): number {
  return Math.abs(x) <= 0.5 ? expm1Small(x) : exp(x) - 1;
}

/** tanh x = t / (t + 2) with t = e^2x − 1. */
export function tanh(x: number): number {
  const magnitude = Math.abs(x);
  // 1 − tanh 22 is below 2^-62.
  if (magnitude > 22) return x < 0 ? -1 : 1;
  const t = expm1(2 * magnitude);
  const result = t / (t + 2);
  return x < 0 ? -result : result;
}

/** 1 − erf x = 2 / √π · ∫ e^−t² from x to infinity. */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x < 0) return 2 - erfc(-x);
  if (x > 27) return 0;
  return x < 1 ? 1 - erfSeries(x) : erfcFraction(x);
}

/** erf x = 2 / √π · e^−x² · Σ 2^n x^(2n+1) / (1 · 3 · … (2n + 1)), all terms positive. */
function erfSeries(x: number): number {
  const square = 2 * x * x;
  let term = x;
  let sum = x;
  for (let n = 1; n < 30; n++) {
    term *= square / (2 * n + 1);
    sum += term;
  }
  return TWO_OVER_SQRT_PI * exp(-x * x) * sum;
}

/** Terms of the continued fraction that x = 1 needs for 2^-50. */
const FRACTION_TERMS = 160;

/** erfc x = e^−x² / √π · 1 / (x + (1/2) / (x + (2/2) / (x + (3/2) / (x + …)))), for x ≥ 1. */
function erfcFraction(x: number): number {
  let denominator = x;
  for (let n = FRACTION_TERMS; n >= 1; n--) denominator = x + n / 2 / denominator;
  // x² = high² + (x − high)(x + high), high² exact: e^−x² keeps its relative precision.
  const high = Math.fround(x);
  const power = exp(-high * high) * exp(-(x - high) * (x + high));
  return (ONE_OVER_SQRT_PI * power) / denominator;
}
