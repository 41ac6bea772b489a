/** The search for the best scale, against all codes there are, and on distributions with known answers. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QuantizationError } from "../../src/errors.ts";
import { binary, type Format, int2, int4, ternary } from "../../src/formats/index.ts";
import { bestScale, type ChannelValues, nearestCode } from "../../src/quantizer/index.ts";

/** The values of a format, lowest first. */
function levels(format: Format): number[] {
  const all = Array.from({ length: 2 ** format.bits }, (_, code) => format.decode(code));
  return all.filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
}

/** ‖T − a·Q‖² with the nearest codes for a. */
function errorOf(values: ChannelValues, scale: number, format: Format): number {
  return [...values].reduce(
    (sum, value) => sum + (value - scale * nearestCode(value / scale, format)) ** 2,
    0,
  );
}

/** <T, T>. */
function energyOf(values: ChannelValues): number {
  return [...values].reduce((sum, value) => sum + value * value, 0);
}

/** The least ‖T − a·Q‖² over every vector of codes, each with its own best a > 0. */
function leastError(values: ChannelValues, format: Format): number {
  const grid = levels(format);
  const energy = energyOf(values);
  let gain = 0;
  const visit = (i: number, tq: number, qq: number): void => {
    if (i === values.length) {
      if (tq > 0) gain = Math.max(gain, (tq * tq) / qq);
      return;
    }
    for (const q of grid) visit(i + 1, tq + values[i]! * q, qq + q * q);
  };
  visit(0, 0, 0);
  return energy - gain;
}

/** Formats, and how many values all of whose codes can be tried. */
const FORMATS = [
  ["int4", int4, 4],
  ["int2", int2, 7],
  ["ternary", ternary, 8],
  ["binary", binary, 12],
] as const;

function expectLeast(values: ChannelValues, format: Format): void {
  const scale = bestScale(values, format);
  if (scale === 0) {
    expect(leastError(values, format)).toBeCloseTo(energyOf(values));
    return;
  }
  const excess = errorOf(values, scale, format) - leastError(values, format);
  expect(excess).toBeLessThanOrEqual(1e-9 * energyOf(values));
}

describe("the best scale of a channel", () => {
  it.each(FORMATS)("has the least error of all codes of %s on integers", (_, format, size) => {
    const weights = fc.array(fc.integer({ min: -255, max: 255 }), { maxLength: size });
    const property = fc.property(weights, (list) => expectLeast(Int16Array.from(list), format));
    fc.assert(property, { numRuns: 250 });
  });

  it.each(FORMATS)("has the least error of all codes of %s on real numbers", (_, format, size) => {
    const value = fc.double({ min: -4, max: 4, noNaN: true }).map(Math.fround);
    const property = fc.property(fc.array(value, { maxLength: size }), (list) =>
      expectLeast(Float32Array.from(list), format),
    );
    fc.assert(property, { numRuns: 250 });
  });

  it("does not end before the best scale where few values are large", () => {
    for (const outlier of [10, 30, 100, 255]) {
      const values = Int16Array.from([outlier, -outlier, 3, -3, 2, 1, -1]);
      for (const format of [int2, ternary]) expectLeast(values, format);
      const many = Int16Array.from({ length: 300 }, (_, i) => (i < 3 ? outlier : (i % 7) - 3));
      const scale = bestScale(many, int4);
      for (let a = 0.01; a < outlier; a *= 1.003) {
        expect(errorOf(many, scale, int4)).toBeLessThanOrEqual(errorOf(many, a, int4) + 1e-9);
      }
    }
  });

  it("is the same for integers and for the same numbers as floats", () => {
    const values = Array.from({ length: 400 }, (_, i) => ((i * 7919) % 255) - 127);
    for (const format of [int4, int2, ternary, binary]) {
      const scale = bestScale(Int16Array.from(values), format);
      expect(bestScale(Float32Array.from(values), format)).toBeCloseTo(scale, 9);
    }
  });

  it("is 0 for zeros and for nothing, and refuses numbers that are not finite", () => {
    for (const format of [int4, int2, ternary, binary]) {
      expect(bestScale(new Int16Array(5), format)).toBe(0);
      expect(bestScale(new Float32Array(), format)).toBe(0);
      for (const value of [NaN, Infinity, -Infinity]) {
        expect(() => bestScale(Float32Array.of(1, value), format)).toThrow(QuantizationError);
      }
    }
  });
});

/** Equally spaced quantiles of a distribution of variance 1. */
function quantiles(inverse: (p: number) => number): Float32Array {
  const count = 20_000;
  return Float32Array.from({ length: count }, (_, i) => inverse((i + 0.5) / count));
}

/** Acklam's approximation of the inverse normal distribution, relative error below 1.2e-9. */
function inverseNormal(p: number): number {
  const a = [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269];
  const b = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972];
  const c = [-0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734];
  const d = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416];
  const poly = (list: readonly number[], x: number) => list.reduce((sum, k) => sum * x + k, 0);
  if (p > 0.5) return -inverseNormal(1 - p);
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return poly([...c, 4.374664141464968, 2.938163982698783], q) / poly([...d, 1], q);
  }
  const q = p - 0.5;
  const r = q * q;
  const above = poly([...a, -30.66479806614716, 2.506628277459239], r) * q;
  return above / poly([...b, -13.28068155288572, 1], r);
}

const gaussian = quantiles(inverseNormal);
const laplace = quantiles((p) => {
  const magnitude = -Math.log(2 * Math.min(p, 1 - p)) / Math.SQRT2;
  return p < 0.5 ? -magnitude : magnitude;
});

describe("the signal-to-noise ratio of the best scale", () => {
  it.each([
    // Levels −7 … 7; the code −8 may only add to them.
    ["int4", int4, 18.9, 15.7, 0.4],
    ["ternary", ternary, 7.2, 5.8, 0.05],
    // Codes ±1 leave 1 − E|t|²: 1 − 2 / π and 1 / 2.
    ["binary", binary, 10 * Math.log10(1 / (1 - 2 / Math.PI)), 10 * Math.log10(2), 0.01],
  ] as const)("of %s is that of the literature", (_, format, onGaussian, onLaplace, above) => {
    for (const [values, expected] of [
      [gaussian, onGaussian],
      [laplace, onLaplace],
    ] as const) {
      const ratio = energyOf(values) / errorOf(values, bestScale(values, format), format);
      const decibels = 10 * Math.log10(ratio);
      expect(decibels).toBeGreaterThan(expected - 0.06);
      expect(decibels).toBeLessThan(expected + above);
    }
  });
});
