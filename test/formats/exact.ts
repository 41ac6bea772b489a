/** Exact sums and their rounding by integers: an oracle that shares no step with the formats. */
import type { Minifloat } from "../../src/formats/index.ts";

/** value = result · 2^−1100, for every finite float64 that is a multiple of 2^−1100. */
export function toFixed(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value);
  const bits = view.getBigUint64(0);
  const field = (bits >> 52n) & 0x7ffn;
  const fraction = bits & 0xfffffffffffffn;
  const mantissa = field === 0n ? fraction : fraction | 0x10000000000000n;
  const magnitude = mantissa << ((field === 0n ? 1n : field) - 1075n + 1100n);
  return value < 0 ? -magnitude : magnitude;
}

/**
 * The value that a + b rounds to, by search over all magnitudes: the neighbours, the distances to
 * both, ties to the even mantissa; with a draw, away from zero if draw / 2^24 < the cut fraction.
 */
export function roundExactly(format: Minifloat, a: number, b: number, draw?: number): number {
  const sum = toFixed(a) + toFixed(b);
  const magnitude = sum < 0n ? -sum : sum;
  let low = 0;
  let high = format.maxCode;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (toFixed(format.decode(middle)) <= magnitude) low = middle;
    else high = middle - 1;
  }
  const floor = toFixed(format.decode(low));
  const step = gap(format, low);
  const rest = magnitude - floor;
  const isUp =
    draw === undefined
      ? 2n * rest > step || (2n * rest === step && low % 2 === 1)
      : BigInt(draw) * step < rest * 2n ** 24n;
  const code = low + (isUp ? 1 : 0);
  const overflow = format.saturates || format.reserved !== "ieee" ? format.max : Infinity;
  const value = code > format.maxCode ? overflow : format.decode(code);
  const isNegative = sum < 0n || (sum === 0n && Object.is(a + b, -0));
  return isNegative && (value !== 0 || format.reserved !== "fnuz") ? -value : value;
}

/** Distance from a magnitude to the one above it, as if there were one above the last. */
function gap(format: Minifloat, code: number): bigint {
  const next = code === format.maxCode ? code - 1 : code;
  const isBinadeEnd = code === format.maxCode && (code & ((1 << format.mantissaBits) - 1)) === 0;
  const width = toFixed(format.decode(next + 1)) - toFixed(format.decode(next));
  return isBinadeEnd ? 2n * width : width;
}
