import { type Format, roundHalfEven } from "./format.ts";

function integerFormat(name: string, bits: number, signed: boolean): Format {
  const span = 2 ** bits;
  const min = signed ? -span / 2 : 0;
  const max = min + span - 1;
  return Object.freeze<Format>({
    name,
    bits,
    kind: signed ? "signed" : "unsigned",
    min,
    max,
    decode: (code) => (code > max ? code - span : code),
    encode: (value) => {
      const clamped = Math.min(Math.max(Number.isNaN(value) ? min : value, min), max);
      const rounded = roundHalfEven(clamped);
      return rounded < 0 ? rounded + span : rounded;
    },
  });
}

/** int64 values are BigInt in memory; `decode`/`encode` work on numbers within ±(2^53 − 1). */
export const int64 = integerFormat("int64", 64, true);
export const int32 = integerFormat("int32", 32, true);
export const int16 = integerFormat("int16", 16, true);
export const int8 = integerFormat("int8", 8, true);
export const uint8 = integerFormat("uint8", 8, false);
export const int4 = integerFormat("int4", 4, true);
export const uint4 = integerFormat("uint4", 4, false);
export const int2 = integerFormat("int2", 2, true);
export const uint2 = integerFormat("uint2", 2, false);
export const uint1 = integerFormat("uint1", 1, false);
/** One byte per element, 0 or 1. */
export const bool: Format = Object.freeze<Format>({
  ...integerFormat("bool", 8, false),
  max: 1,
  encode: (value) => (value === 0 || Number.isNaN(value) ? 0 : 1),
});
/** −1, 0, 1 in two's complement; the code of −2 is no number. */
export const ternary: Format = Object.freeze<Format>({
  ...integerFormat("ternary", 2, true),
  min: -1,
  decode: (code) => (code === 2 ? NaN : code > 1 ? code - 4 : code),
  encode: (value) => {
    const rounded = roundHalfEven(Math.min(Math.max(Number.isNaN(value) ? -1 : value, -1), 1));
    return rounded < 0 ? 3 : rounded;
  },
});
/** −1 (code 0) and +1 (code 1); 0 lies between them and becomes +1. */
export const binary: Format = Object.freeze<Format>({
  ...integerFormat("binary", 1, true),
  max: 1,
  decode: (code) => (code === 0 ? -1 : 1),
  encode: (value) => (value >= 0 ? 1 : 0),
});
