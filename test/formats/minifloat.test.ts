/** Minifloats: every code and every vector of ml_dtypes, exact rounding, properties of the family. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as library from "../../src/formats/index.ts";
import {
  bfloat16,
  createMinifloat,
  findFormat,
  float16,
  float32,
  float8_e4m3fn,
  float8_e5m2,
  float8_e5m2fnuz,
  float8_e8m0fnu,
  formats,
  fp16_e6m9,
  hfp8_e4m3,
  hfp8_e5m2,
  hfp8Forward,
  isMinifloat,
  minifloat,
  type Minifloat,
} from "../../src/formats/index.ts";
import { sharedPath } from "../shared.ts";
import { roundExactly } from "./exact.ts";

interface Vectors {
  readonly bits: number;
  readonly decode_f32_bits: readonly number[];
  readonly encode_rne_default: readonly (readonly [bits: number, code: number])[];
  readonly max: number;
  readonly min_positive: number;
  readonly nan_codes: readonly number[];
}

const rows = [...formats.values()].filter(isMinifloat);
const eightBit = rows.filter(({ bits, signed }) => bits === 8 && signed);
const vectorFile = sharedPath("golden", "formats", "ml_dtypes_vectors.json");
const vectors = new Map(
  Object.entries(
    vectorFile === undefined
      ? {}
      : (JSON.parse(readFileSync(vectorFile, "utf8")) as Record<string, Vectors>),
  ).filter(([name]) => !name.startsWith("_")),
);

const codesOf = ({ bits }: Minifloat) => Array.from({ length: 2 ** bits }, (_, code) => code);

describe.skipIf(vectorFile === undefined)("the vectors of ml_dtypes", () => {
  it("are of ten formats", () => {
    expect(vectors.size).toBe(10);
  });

  it.each([...vectors])("%s: all codes decode, all inputs encode", (name, expected) => {
    const format = formats.get(name) as Minifloat;
    expect(format.bits).toBe(expected.bits);
    expect(format.max).toBe(expected.max);
    expect(format.smallest).toBe(expected.min_positive);
    const codes = codesOf(format);
    expect(codes.filter((code) => Number.isNaN(format.decode(code)))).toEqual(expected.nan_codes);
    const wrong = codes.filter((code) => {
      const value = format.decode(code);
      return !Object.is(value, float32.decode(expected.decode_f32_bits[code]!));
    });
    expect(wrong).toEqual([]);
    // ml_dtypes does not saturate the formats that have a code for overflow.
    const different = expected.encode_rne_default.filter(
      ([bits, code]) => format.encodeBits(bits, false) !== code,
    );
    expect(different).toEqual([]);
  });

  it.each([...vectors])("%s: saturating differs at overflow alone", (name, expected) => {
    const format = formats.get(name) as Minifloat;
    for (const [bits] of expected.encode_rne_default) {
      const value = float32.decode(bits);
      const code = format.encode(value);
      const open = format.encode(value, false);
      if (Number.isNaN(value) || Number.isFinite(format.decode(open))) {
        if (value !== 0 || format.signed) expect(code).toBe(open);
      } else {
        const isTooSmall = value === 0;
        expect(format.decode(code)).toBe(isTooSmall ? format.min : Math.sign(value) * format.max);
      }
    }
  });
});

describe.each(rows)("$name", (format) => {
  const values = codesOf(format).map(format.decode);
  const magnitudes = values.slice(0, format.maxCode + 1);

  it("encodes every value that it decodes as its code", () => {
    const wrong = values.filter((value, code) => {
      if (Number.isNaN(value)) return !Number.isNaN(format.decode(format.encode(value)));
      return format.encode(value, false) !== code || Math.fround(value) !== value;
    });
    expect(wrong).toEqual([]);
    const finite = values.filter(Number.isFinite);
    expect(new Set(finite).size).toBe(
      finite.length - (format.signed && format.reserved !== "fnuz" ? 1 : 0),
    );
    expect(finite.reduce((a, b) => Math.max(a, b))).toBe(format.max);
    expect(finite.reduce((a, b) => Math.min(a, b))).toBe(format.min);
  });

  it("puts values in the order of their magnitude codes", () => {
    expect(magnitudes).toEqual(magnitudes.toSorted((a, b) => a - b));
  });

  it("rounds the midpoint of neighbours to the even one and its surroundings to the nearer one", () => {
    // E8M0 as ml_dtypes: its significand is always 1, so that ties go up.
    if (format.mantissaBits === 0) return;
    const wrong = magnitudes.slice(1).filter((above, code) => {
      const middle = (magnitudes[code]! + above) / 2;
      return (
        format.encode(middle) !== (code % 2 === 0 ? code : code + 1) ||
        format.encode(middle * (1 - 2 ** -50)) !== code ||
        format.encode(middle * (1 + 2 ** -50)) !== code + 1
      );
    });
    expect(wrong).toEqual([]);
  });

  it("keeps NaN apart: a NaN code, or −0 where there is none", () => {
    const code = format.encode(NaN);
    expect(code).toBe(format.nanCode);
    if (format.hasNaN) expect(format.decode(code)).toBeNaN();
    else expect(format.decode(code)).toBe(-0);
    expect(format.roundSum(NaN, 1)).toBeNaN();
  });
});

/** The code of a magnitude by search among all of them: an encoder that shares no step with the family. */
function searchNearest(magnitudes: readonly number[], value: number): number {
  let low = 0;
  let high = magnitudes.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (magnitudes[middle]! <= value) low = middle;
    else high = middle - 1;
  }
  if (low === magnitudes.length - 1) return low;
  const twiceMiddle = magnitudes[low]! + magnitudes[low + 1]!;
  const isUp = 2 * value > twiceMiddle || (2 * value === twiceMiddle && low % 2 === 1);
  return isUp ? low + 1 : low;
}

describe("products of 8-bit codes", () => {
  it.each(eightBit)("of $name are exact in float32, and rounded once", (format) => {
    const values = codesOf(format).map(format.decode);
    const magnitudes = values.slice(0, format.maxCode + 1);
    let different = 0;
    for (const a of values) {
      for (const b of values) {
        const product = a * b;
        if (!Object.is(Math.fround(product), product)) different++;
        // Decoded, multiplied in float32, encoded: the same as the float64 product rounded once.
        const code = format.encode(product);
        if (format.encodeBits(float32.encode(Math.fround(product))) !== code) different++;
        if (Number.isNaN(product)) {
          if (code !== format.nanCode) different++;
        } else {
          const nearest = format.decode(searchNearest(magnitudes, Math.abs(product)));
          if (Math.abs(format.decode(code)) !== nearest) different++;
          if (nearest !== 0 && Math.sign(format.decode(code)) !== Math.sign(product)) different++;
        }
      }
    }
    expect(different).toBe(0);
  });
});

describe("the family", () => {
  const facts = fc
    .record({
      exponentBits: fc.integer({ min: 1, max: 8 }),
      mantissaBits: fc.integer({ min: 1, max: 10 }),
      shift: fc.integer({ min: -8, max: 8 }),
    })
    .filter(({ exponentBits, mantissaBits }) => exponentBits + mantissaBits <= 15)
    .map(({ exponentBits, mantissaBits, shift }) => {
      const bias = exponentBits === 8 ? 128 : 2 ** (exponentBits - 1) - 1 + shift;
      return minifloat({ exponentBits, mantissaBits, bias });
    });
  const draws = fc.option(fc.integer({ min: 0, max: 2 ** 24 - 1 }), { nil: undefined });

  it("rounds every sum of two of its values exactly once", () => {
    fc.assert(
      fc.property(facts, fc.nat(65535), fc.nat(65535), draws, (format, i, j, draw) => {
        const [a, b] = [i, j].map((code) => format.decode(code % 2 ** format.bits));
        expect(format.roundSum(a!, b!, draw)).toBe(roundExactly(format, a!, b!, draw));
      }),
      { numRuns: 4000, seed: 5 },
    );
  });

  it("rounds every sum of two doubles exactly once, however far apart they are", () => {
    const value = fc
      .record({
        mantissa: fc.integer({ min: -(2 ** 24), max: 2 ** 24 }),
        exponent: fc.integer({ min: -80, max: 40 }),
      })
      .map(({ mantissa, exponent }) => mantissa * library.powerOfTwo(exponent));
    const targets = fc.constantFrom(...rows.filter(({ signed }) => signed));
    fc.assert(
      fc.property(targets, value, value, draws, (format, a, b, draw) => {
        expect(format.roundSum(a, b, draw)).toBe(roundExactly(format, a, b, draw));
      }),
      { numRuns: 4000, seed: 6 },
    );
  });

  it("rounds a tie that float64 cannot hold by the part that it cannot hold", () => {
    // 1 + 2^−8 is halfway between 1 and 1 + 2^−7; 2^−80 is lost in the float64 sum.
    expect(bfloat16.roundSum(1 + 2 ** -8, 2 ** -80)).toBe(1 + 2 ** -7);
    expect(bfloat16.roundSum(1 + 2 ** -8, -(2 ** -80))).toBe(1);
    expect(bfloat16.roundSum(1 + 3 * 2 ** -8, -(2 ** -80))).toBe(1 + 2 ** -7);
    expect(bfloat16.roundSum(1 + 2 ** -8, 0)).toBe(1);
  });

  it("never moves a number of the format by a draw", () => {
    for (const format of [float8_e4m3fn, fp16_e6m9, float16]) {
      const moved = Array.from({ length: format.maxCode + 1 }, (_, code) => code).filter((code) =>
        [0, 2 ** 23, 2 ** 24 - 1].some(
          (draw) => format.encodeStochastic(format.decode(code), draw) !== code,
        ),
      );
      expect(moved).toEqual([]);
    }
  });

  it("moves away from zero for as many draws as the fraction says", () => {
    // 1 + 3/8 of the step 2^−9: draws below 3/8 · 2^24.
    const value = 1 + 3 * 2 ** -12;
    const edge = 3 * 2 ** 21;
    expect(fp16_e6m9.decode(fp16_e6m9.encodeStochastic(value, edge - 1))).toBe(1 + 2 ** -9);
    expect(fp16_e6m9.decode(fp16_e6m9.encodeStochastic(value, edge))).toBe(1);
    expect(fp16_e6m9.decode(fp16_e6m9.encodeStochastic(-value, edge - 1))).toBe(-1 - 2 ** -9);
  });
});

describe("rows of facts", () => {
  it("have the ranges of their papers", () => {
    expect([hfp8_e4m3.max, hfp8_e4m3.smallest]).toEqual([30, 2 ** -13]);
    expect([hfp8_e5m2.max, hfp8_e5m2.smallest]).toEqual([114688, 2 ** -16]);
    expect([fp16_e6m9.max, fp16_e6m9.smallest]).toEqual([2 ** 33 - 2 ** 23, 2 ** -39]);
    expect([float8_e8m0fnu.min, float8_e8m0fnu.max]).toEqual([2 ** -127, 2 ** 127]);
    expect(bfloat16.max).toBe(float32.decode(0x7f7f0000));
  });

  it("saturate, but for the two that overflow to infinity", () => {
    expect(float8_e5m2.decode(float8_e5m2.encode(61440))).toBe(57344);
    expect(float8_e5m2.decode(float8_e5m2.encode(61440, false))).toBe(Infinity);
    expect(float8_e5m2.decode(float8_e5m2.encode(-Infinity))).toBe(-57344);
    expect(float8_e5m2fnuz.decode(float8_e5m2fnuz.encode(61440, false))).toBeNaN();
    expect(float8_e4m3fn.decode(float8_e4m3fn.encode(464, false))).toBe(448);
    expect(float8_e4m3fn.decode(float8_e4m3fn.encode(465, false))).toBeNaN();
    expect(float16.decode(float16.encode(65520))).toBe(Infinity);
    expect(bfloat16.decode(bfloat16.encode(3.4e38))).toBe(Infinity);
  });

  it("keep the sign of a NaN in its bits where the format has room for it", () => {
    expect(float8_e4m3fn.encodeBits(0xffc00000)).toBe(0xff);
    expect(float8_e5m2.encodeBits(0xffc00000)).toBe(0xfe);
    expect(float8_e5m2fnuz.encodeBits(0xffc00000)).toBe(0x80);
  });

  it("are found by name, our own ones by their fields", () => {
    expect(findFormat("float8_e4m3fn")).toBe(float8_e4m3fn);
    expect(findFormat("minifloat_e4m3b11")).toBe(hfp8_e4m3);
    expect(findFormat("minifloat_e4m3b7")).toBe(hfp8Forward(7));
    expect(findFormat("minifloat_e3m4")?.max).toBe(31);
    expect(findFormat("float9")).toBeUndefined();
  });

  it.each([
    [{ exponentBits: 9, mantissaBits: 3 }, "1 to 8 exponent bits"],
    [{ exponentBits: 5, mantissaBits: 11 }, "16 bits or fewer"],
    [{ exponentBits: 8, mantissaBits: 7 }, "a bias whose values are float32 numbers"],
    [{ exponentBits: 4, mantissaBits: 3, bias: 150 }, "a bias whose values"],
    [{ exponentBits: 4, mantissaBits: 2.5 }, "exponent bits"],
  ])("refuse %j", (facts, message) => {
    expect(() => minifloat(facts)).toThrow(message);
  });

  it("need a mantissa bit to tell infinity from NaN", () => {
    const facts = { exponentBits: 5, mantissaBits: 0, bias: 15, signed: true, saturates: true };
    expect(() => createMinifloat("x", { ...facts, reserved: "ieee" })).toThrow("1 to 14");
  });
});
