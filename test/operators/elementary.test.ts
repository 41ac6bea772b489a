/** The own elementary functions against the host's, which V8 keeps within one unit in the last place. */
import { describe, expect, test } from "vitest";
import { erfc, exp, expm1, tanh } from "../../src/operators/elementary.ts";

/** 2^-45 of docs/exactness.md, section 7, less the host's own error. */
const BOUND = 2 ** -46;

/** Points over a range, none of them round. */
function points(low: number, high: number): number[] {
  return Array.from({ length: 4001 }, (_, i) => low + ((high - low) * (i + 0.37)) / 4001);
}

function worst(own: (x: number) => number, host: (x: number) => number, xs: number[]): number {
  return Math.max(...xs.map((x) => Math.abs(own(x) - host(x)) / Math.abs(host(x))));
}

const small = points(-1, 1).map((x) => x * 1e-7);

describe("relative error stays below 2^-45", () => {
  test("of exp from underflow to overflow", () => {
    expect(worst(exp, Math.exp, points(-700, 709))).toBeLessThan(BOUND);
  });
  test("of expm1, near 0 too", () => {
    expect(worst(expm1, Math.expm1, [...points(-30, 30), ...small])).toBeLessThan(BOUND);
  });
  test("of tanh, near 0 too", () => {
    expect(worst(tanh, Math.tanh, [...points(-25, 25), ...small])).toBeLessThan(BOUND);
  });
  test("of erfc at values of the C library", () => {
    const values = [
      [-2, 1.9953222650189528],
      [-0.5, 1.5204998778130465],
      [0.1, 0.8875370839817152],
      [0.9, 0.20309178757716786],
      [1, 0.15729920705028513],
      [1.5, 0.033894853524689274],
      [3, 2.209049699858544e-5],
      [6.7, 2.661714576376588e-21],
      [10, 2.088487583762545e-45],
    ] as const;
    for (const [x, y] of values) expect(Math.abs(erfc(x) - y) / y, `${x}`).toBeLessThan(BOUND);
  });
});

test("the ends are exact", () => {
  expect([exp(0), exp(-Infinity), exp(Infinity), exp(-800), exp(800)]).toEqual([
    1,
    0,
    Infinity,
    0,
    Infinity,
  ]);
  expect([tanh(-30), tanh(0), tanh(30)]).toEqual([-1, 0, 1]);
  expect([erfc(-30), erfc(0), erfc(30)]).toEqual([2, 1, 0]);
  for (const f of [exp, expm1, tanh, erfc]) expect(f(NaN)).toBeNaN();
});
