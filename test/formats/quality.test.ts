/** SQNR of formats against known values, and the properties of the measure. */
import { describe, expect, it } from "vitest";
import {
  findFormat,
  float8_e8m0fnu,
  magnitudesOf,
  qualityOf,
  uint8,
} from "../../src/formats/index.ts";

describe("the quality of a format", () => {
  // Decibels: Gaussian best and absmax, Laplace best and absmax.
  it.each([
    ["int8", 40.9, 40.7, 36.2, 36.0],
    ["minifloat_e2m5", 42.9, 42.9, 40.7, 40.7],
    ["float8_e3m4", 37.6, 37.6, 37.6, 37.5],
    ["float8_e4m3fn", 31.6, 31.6, 31.6, 31.5],
    ["float8_e5m2", 25.6, 25.6, 25.6, 25.6],
    ["float6_e2m3fn", 30.9, 30.8, 28.9, 28.4],
    ["float6_e3m2fn", 25.6, 25.6, 25.6, 25.6],
    ["int4", 18.9, 15.5, 15.7, 11.0],
    ["float4_e2m1fn", 19.0, 18.3, 17.4, 15.1],
  ])("%s is the known one", (name, ...expected) => {
    const format = findFormat(name)!;
    const got = (["gaussian", "laplace"] as const).flatMap((distribution) => {
      const { best, absmax } = qualityOf(format, distribution)!;
      expect(best).toBeGreaterThanOrEqual(absmax);
      return [best, absmax];
    });
    got.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(0.15));
  });

  it("is not defined without negative values", () => {
    expect(qualityOf(uint8, "gaussian")).toBeUndefined();
    expect(magnitudesOf(float8_e8m0fnu)).toBeUndefined();
  });

  it("looks at magnitudes in order, without infinity and NaN", () => {
    expect([...magnitudesOf(findFormat("float4_e2m1fn")!)!]).toEqual([0, 0.5, 1, 1.5, 2, 3, 4, 6]);
    expect(magnitudesOf(findFormat("float8_e4m3")!)!.at(-1)).toBe(240);
  });
});
