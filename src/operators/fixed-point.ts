/**
 * exp and 1 / (1 + x) in gemmlowp's 32-bit fixed point (docs/exactness.md, section 4, SOFTMAX). Qm.n: m
 * integer bits, n fraction bits.
 */
import {
  INT32_MAX,
  INT32_MIN,
  roundingDivideByPowerOfTwo as divide,
  saturate,
  saturatingRoundingDoublingHighMul as multiply,
} from "../quantization/index.ts";

/** e^(−2^k) in Q0.31 for k = −2 … 4: the factor of bit 26 + k of a Q5.26 argument. */
const EXP_FACTORS: readonly number[] = [
  1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242,
];
/** e^(−1/8) and 1/3 in Q0.31. */
const EXP_MINUS_EIGHTH = 1895147668;
const ONE_THIRD = 715827883;
/** 48/17 and −32/17 in Q2.29: the linear start of Newton's method for 1 / v, v in [1/2, 1]. */
const RECIPROCAL_START = 1515870810;
const RECIPROCAL_SLOPE = -1010580540;
/** 1 in Q2.29. */
const ONE_Q2 = 2 ** 29;

/**
 * e^a in Q0.31 for a ≤ 0 in Q5.26: a = r − R with −1/4 ≤ r < 0; Taylor around −1/8 gives e^r, one
 * factor per set bit of R the rest.
 */
export function expFixed(a: number): number {
  if (a === 0) return INT32_MAX;
  const remainder = (a & (2 ** 24 - 1)) - 2 ** 24;
  const x = remainder * 32 + 2 ** 28;
  const x2 = multiply(x, x);
  const x3 = multiply(x2, x);
  const x4 = multiply(x2, x2);
  const series = divide(multiply(divide(x4, 2) + x3, ONE_THIRD) + x2, 1);
  let result = EXP_MINUS_EIGHTH + multiply(EXP_MINUS_EIGHTH, x + series);
  const rest = remainder - a;
  for (let bit = 0; bit < EXP_FACTORS.length; bit++) {
    if (rest & (1 << (24 + bit))) result = multiply(result, EXP_FACTORS[bit]!);
  }
  return result;
}

function saturate32(value: number): number {
  return saturate(value, INT32_MIN, INT32_MAX);
}

/** 1 / (1 + f) in Q0.31 for f in [0, 1) as Q0.31: three Newton steps. */
export function reciprocalOnePlus(f: number): number {
  const half = Math.floor((f + 2 ** 31) / 2);
  let x = RECIPROCAL_START + multiply(half, RECIPROCAL_SLOPE);
  for (let step = 0; step < 3; step++) {
    const rest = ONE_Q2 - multiply(half, x);
    x += saturate32(4 * multiply(x, rest));
  }
  return saturate32(2 * x);
}
