/**
 * Floating-point formats of up to 16 bits as one family: sign, E exponent bits, M mantissa bits.
 *
 *     code   s eeee mmm      e = 0: (−1)^s · m · 2^(1 − bias − M)
 *                            e > 0: (−1)^s · (2^M + m) · 2^(e − bias − M)
 *
 * less the codes that `reserved` takes away. Magnitudes in order are codes in order, so rounding is
 * arithmetic on codes: the code of the neighbour toward zero, plus 0 or 1 (docs/minifloat.md).
 */
import { InputError } from "../errors.ts";
import { exponentOf, float32Value, powerOfTwo, previousFloat64 } from "./bits.ts";
import type { Format } from "./format.ts";

/**
 * Codes that are no numbers. `ieee`: the top exponent holds infinity and NaN. `nan`: only the code of
 * all ones is NaN. `fnuz`: only −0 is NaN, zero has no sign. `none`: every code is a number.
 */
export type ReservedCodes = "ieee" | "nan" | "fnuz" | "none";

export interface MinifloatFacts {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  readonly reserved: ReservedCodes;
  /** False: no sign bit and no zero; code 0 is 2^−bias (E8M0). */
  readonly signed: boolean;
  /** Overflow and infinity become ±max unless the caller says otherwise. */
  readonly saturates: boolean;
}

export interface Minifloat extends Format, MinifloatFacts {
  readonly kind: "float";
  /** Smallest value above 0, and smallest value with all its mantissa bits. */
  readonly smallest: number;
  readonly smallestNormal: number;
  /** Magnitude code of `max`. */
  readonly maxCode: number;
  /** What NaN becomes: a NaN code, or −0 where no code is NaN. */
  readonly nanCode: number;
  /** Whether `nanCode` decodes to NaN. */
  readonly hasNaN: boolean;
  /** Nearest code, ties to even. Overflow: ±max, or infinity, NaN, ±max: the first that exists. */
  encode(value: number, saturates?: boolean): number;
  /** The same of a float32 bit pattern: the sign of a NaN is kept where the format has one. */
  encodeBits(bits: number, saturates?: boolean): number;
  /** Stochastic rounding: away from zero if `draw` / 2^24 is below the fraction that is cut off. */
  encodeStochastic(value: number, draw: number): number;
  /**
   * The exact sum a + b rounded once, to nearest or by `draw`, as a value. NaN stays NaN, also in
   * formats without a code for it: an emulated accumulator has that one state more.
   */
  roundSum(a: number, b: number, draw?: number): number;
}

/** @throws InputError facts that give no format of 2 to 16 bits inside float32 */
export function createMinifloat(name: string, facts: MinifloatFacts): Minifloat {
  const { exponentBits, mantissaBits, bias, reserved, signed } = facts;
  checkFacts(name, facts);
  const span = 2 ** mantissaBits;
  const end = 2 ** (exponentBits + mantissaBits);
  const signBit = signed ? end : 0;
  const infinityCode = end - span;
  const maxCode = { ieee: infinityCode - 1, nan: end - 2, fnuz: end - 1, none: end - 1 }[reserved];
  const overflowCode = { ieee: infinityCode, nan: end - 1, fnuz: signBit, none: maxCode }[reserved];
  const nanCode = { ieee: end - span / 2, nan: end - 1, fnuz: signBit, none: signBit }[reserved];

  const decodeMagnitude = (code: number): number => {
    if (code > maxCode) return reserved === "ieee" && code === infinityCode ? Infinity : NaN;
    const exponent = Math.floor(code / span);
    if (exponent > 0) return (span + (code % span)) * powerOfTwo(exponent - bias - mantissaBits);
    return signed ? code * powerOfTwo(1 - bias - mantissaBits) : powerOfTwo(-bias);
  };
  const decode = (code: number): number => {
    if (reserved === "fnuz" && code === nanCode) return NaN;
    if (!signed || code < signBit) return decodeMagnitude(code);
    return -decodeMagnitude(code - signBit);
  };

  /**
   * Code of the magnitude a + tail, which may be past `maxCode`. The tail is what a float64 sum
   * lost: at most half a unit in the last place of a. All steps are exact.
   */
  const roundMagnitude = (a: number, tail: number, draw: number | undefined): number => {
    const below = tail < 0 ? previousFloat64(a) : a;
    const exponent = Math.max(exponentOf(below), 1 - bias);
    const unit = powerOfTwo(exponent - mantissaBits);
    const steps = Math.floor(below / unit);
    const fraction = a / unit - steps;
    const rest = tail / unit;
    const threshold = draw === undefined ? 0.5 : draw / 2 ** 24;
    const isTie = draw === undefined && fraction === 0.5 && rest === 0;
    const isUp = isTie ? steps % 2 === 1 : threshold - fraction < rest;
    return (exponent + bias - 1) * span + steps + (isUp ? 1 : 0);
  };
  const finish = (magnitude: number, isNegative: boolean, saturates: boolean): number => {
    const isOverflow = magnitude > maxCode;
    if (isOverflow && !saturates && reserved === "fnuz") return nanCode;
    const code = isOverflow ? (saturates ? maxCode : overflowCode) : magnitude;
    if (!isNegative) return code;
    if (!signed) return nanCode;
    return code === 0 && reserved === "fnuz" ? 0 : code + signBit;
  };
  const encodeSum = (
    sum: number,
    tail: number,
    draw: number | undefined,
    saturates: boolean,
  ): number => {
    if (Number.isNaN(sum)) return nanCode;
    if (!signed && sum === 0) return saturates ? 0 : nanCode;
    const isNegative = sum < 0 || Object.is(sum, -0);
    const a = Math.abs(sum);
    const magnitude = a === Infinity ? end : roundMagnitude(a, isNegative ? -tail : tail, draw);
    return finish(magnitude, isNegative, saturates);
  };
  const encode = (value: number, saturates = facts.saturates): number =>
    encodeSum(value, 0, undefined, saturates);

  const max = decodeMagnitude(maxCode);
  return Object.freeze<Minifloat>({
    ...facts,
    name,
    bits: (signed ? 1 : 0) + exponentBits + mantissaBits,
    kind: "float",
    min: signed ? -max : decodeMagnitude(0),
    max,
    smallest: decodeMagnitude(signed ? 1 : 0),
    smallestNormal: decodeMagnitude(signed ? span : 0),
    maxCode,
    nanCode,
    hasNaN: Number.isNaN(decode(nanCode)),
    decode,
    encode,
    encodeBits: (bits, saturates) => {
      const value = float32Value(bits);
      const keepsSign = signed && (reserved === "ieee" || reserved === "nan");
      const isNegativeNaN = Number.isNaN(value) && bits >= 2 ** 31;
      return encode(value, saturates) + (keepsSign && isNegativeNaN ? signBit : 0);
    },
    encodeStochastic: (value, draw) => encodeSum(value, 0, draw, facts.saturates),
    roundSum: (a, b, draw) => {
      const sum = a + b;
      if (Number.isNaN(sum)) return NaN;
      return decode(encodeSum(sum, sumTail(a, b, sum), draw, facts.saturates));
    },
  });
}

/** a + b − sum, exact where sum = f64(a + b) is finite (Knuth, TwoSum); 0 where it is not. */
function sumTail(a: number, b: number, sum: number): number {
  if (!Number.isFinite(sum)) return 0;
  const bPart = sum - a;
  return a - (sum - bPart) + (b - bPart);
}

function checkFacts(name: string, facts: MinifloatFacts): void {
  const { exponentBits, mantissaBits, bias, reserved, signed } = facts;
  const fail = (expected: string, got: number): never => {
    throw new InputError(`${name}: expected ${expected}, got ${got}`);
  };
  const isInteger = [exponentBits, mantissaBits, bias].every(Number.isInteger);
  if (!isInteger || exponentBits < 1 || exponentBits > 8) {
    fail("1 to 8 exponent bits", exponentBits);
  }
  const least = reserved === "ieee" ? 1 : 0;
  if (mantissaBits < least || mantissaBits > 14) fail(`${least} to 14 mantissa bits`, mantissaBits);
  const bits = (signed ? 1 : 0) + exponentBits + mantissaBits;
  if (bits > 16) fail("16 bits or fewer", bits);
  const topExponent = 2 ** exponentBits - (reserved === "ieee" ? 2 : 1) - bias;
  const isInside = topExponent <= 127 || (reserved === "nan" && mantissaBits === 0);
  if (!isInside || topExponent < -126 || 1 - bias - mantissaBits < -149) {
    fail("a bias whose values are float32 numbers", bias);
  }
}

/** Formats of our own that have a name in the literature; the others are "minifloat_e4m3b7". */
const USUAL_NAMES: Readonly<Record<string, string>> = {
  e4m3b11: "hfp8_e4m3",
  e5m2b15: "hfp8_e5m2",
  e5m3b15: "fp9_e5m3",
  e6m9b31: "fp16_e6m9",
};

const made = new Map<string, Minifloat>();

/**
 * A format of our own: signed, every code a number, subnormals, saturating. The same arguments give
 * the same object.
 */
export function minifloat(facts: {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  /** Default: 2^(exponentBits − 1) − 1. */
  readonly bias?: number;
}): Minifloat {
  const { exponentBits, mantissaBits, bias = 2 ** (exponentBits - 1) - 1 } = facts;
  const fields = `e${exponentBits}m${mantissaBits}b${bias}`;
  const name = USUAL_NAMES[fields] ?? `minifloat_${fields}`;
  let format = made.get(name);
  if (format === undefined) {
    format = createMinifloat(name, {
      ...{ exponentBits, mantissaBits, bias },
      ...{ reserved: "none", signed: true, saturates: true },
    });
    made.set(name, format);
  }
  return format;
}

/** HFP8 (Sun et al. 2019), forward: 1-4-3; the bias 11 is the IEEE one plus 4. */
export function hfp8Forward(bias = 11): Minifloat {
  return minifloat({ exponentBits: 4, mantissaBits: 3, bias });
}

/** HFP8, backward: 1-5-2. */
export function hfp8Backward(bias = 15): Minifloat {
  return minifloat({ exponentBits: 5, mantissaBits: 2, bias });
}

export function isMinifloat(format: Format): format is Minifloat {
  return format.kind === "float" && "mantissaBits" in format;
}
