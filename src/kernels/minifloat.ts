/** Arrays between minifloat codes and float32: `assembly/minifloat.ts`, `minifloat-encode.ts`. */
import { float32, type Minifloat, powerOfTwo } from "../formats/index.ts";
import type { Kernel } from "./kernel.ts";

/** Bits of a code in memory, as the kernels' names have them. */
const WIDTHS = [16, 8, 6, 4];

/** The width in memory of a format that has kernels; 9 to 16 bits take two bytes. */
function widthOf({ bits }: Minifloat): number | undefined {
  return WIDTHS.find((width) => width === (bits > 8 ? 16 : bits));
}

export const minifloatKernels: readonly Kernel[] = WIDTHS.flatMap((width): Kernel[] => [
  {
    name: `decode_m${width}_f32`,
    isa: "simd128",
    module: "minifloat",
    parameters:
      width === 16
        ? [
            ...["x", "y", "count", "tileCount", "magnitude", "magnitudeShift", "signShift"],
            ...["infinity", "lastNumber", "factor", "scale"],
          ]
        : ["x", "y", "table", "count", "tileCount", "scale"],
    floats: width === 16 ? ["factor", "scale"] : ["scale"],
  },
  {
    name: `encode_f32_m${width}`,
    isa: "simd128",
    module: "minifloat",
    parameters: [
      ...["x", "y", "count", "tileCount", "drop", "half", "rebias", "leastNormal", "magic"],
      ...["maxCode", "overflowCode", "nanCode", "signBit", "zeroSign", "scale"],
    ],
    floats: ["scale"],
  },
]);

/** Codes that one vector holds: tiles are multiples of it. */
export const MINIFLOAT_GROUP = 16;

/** Bytes of a `MinifloatTable`: 12 vectors, four words, 4 vectors. */
export const MINIFLOAT_TABLE_BYTES = 17 * 16;

/** Magnitudes that the decode kernels of 8 bits and fewer look up. */
const SMALL = 16;

/** The kernel that decodes a format, if there is one. */
export function decodeKernelOf(format: Minifloat): string | undefined {
  const { bits, bias, mantissaBits, signed, reserved } = format;
  const width = widthOf(format);
  // Wide: shifted into a float32 of the right mantissa; narrow: values are halves of float32.
  const isInside =
    bits > 8
      ? signed && bias >= 0 && (reserved === "ieee" || reserved === "none")
      : mantissaBits <= 4 && bias <= 127 && smallHalves(format).every(Number.isInteger);
  return width !== undefined && isInside ? `decode_m${width}_f32` : undefined;
}

/** The kernel that encodes it: all of them round in float32 bits. */
export function encodeKernelOf(format: Minifloat): string | undefined {
  const { signed, mantissaBits, bias } = format;
  const width = widthOf(format);
  // The float32 whose unit in the last place is the smallest step.
  const magicExponent = 151 - bias - mantissaBits;
  const isInside = signed && mantissaBits >= 1 && bias <= 127 && magicExponent <= 254;
  return width !== undefined && isInside ? `encode_f32_m${width}` : undefined;
}

/** What the encode kernels have to know of a format. */
export function encodeFields(format: Minifloat, saturates: boolean): Record<string, number> {
  const { bits, mantissaBits, bias, maxCode, nanCode, reserved } = format;
  return {
    drop: 23 - mantissaBits,
    half: 2 ** (22 - mantissaBits) - 1,
    rebias: (127 - bias) * 2 ** mantissaBits,
    leastNormal: (128 - bias) << 23,
    magic: (151 - bias - mantissaBits) << 23,
    maxCode,
    overflowCode: saturates ? maxCode : format.encode(Infinity, false),
    nanCode,
    signBit: 2 ** (bits - 1),
    zeroSign: reserved === "fnuz" ? 0 : -1,
  };
}

/** What `decode_m16_f32` has to know of a format. */
export function wideDecodeFields(format: Minifloat): Record<string, number> {
  const { bits, mantissaBits, bias, maxCode, reserved } = format;
  const hasInfinity = reserved === "ieee";
  return {
    magnitude: 2 ** (bits - 1) - 1,
    magnitudeShift: 23 - mantissaBits,
    signShift: 32 - bits,
    infinity: hasInfinity ? maxCode + 1 : -1,
    lastNumber: hasInfinity ? maxCode + 1 : maxCode,
    factor: powerOfTwo(127 - bias),
  };
}

/** Upper halves of the float32 values of the magnitudes below 16; fractions where that is not all. */
function smallHalves({ maxCode, decode }: Minifloat): number[] {
  return Array.from({ length: SMALL }, (_, code) =>
    code <= maxCode ? float32.encode(decode(code)) / 65536 : 0,
  );
}

/**
 * The constants of a format as `MinifloatTable` of assembly/formats/minifloat.ts.
 * @param kind of weights that are opened with it: 1 where no code is infinity or NaN, 2 where they are int8
 * @param tap of weights in blocks: depth of a tap; else 0
 */
export function minifloatTable(format: Minifloat, kind: 0 | 1 | 2 = 0, tap = 0): Uint8Array {
  const { bits, mantissaBits, bias, maxCode, reserved, signed } = format;
  const codeMask = 2 ** bits - 1;
  const signBit = signed ? 2 ** (bits - 1) : 0;
  const magnitudeMask = codeMask - signBit;
  const small = smallHalves(format);
  // ieee, nan: codes above the last number or infinity, without their sign. fnuz: −0 alone, which
  // the flip makes the largest key. none: no key is above.
  const keyMask = reserved === "fnuz" ? codeMask : magnitudeMask;
  const keyFlip = reserved === "fnuz" ? magnitudeMask : 0;
  const lastNumber = { ieee: maxCode + 1, nan: maxCode, fnuz: codeMask - 1, none: codeMask };
  const infinity = reserved === "ieee" ? maxCode + 1 : -1;
  const lanes = (value: number) => new Array<number>(8).fill(value & 0xffff);
  const table = new Uint8Array(MINIFLOAT_TABLE_BYTES);
  const view = new DataView(table.buffer);
  [
    lanes(magnitudeMask * 257),
    [...bytesOf(small.map((half) => half & 0xff))],
    [...bytesOf(small.map((half) => half >> 8))],
    ...[magnitudeMask, signBit, (127 - bias) << 7, keyMask, keyFlip].map(lanes),
    ...[infinity, lastNumber[reserved], 0x7f80, 0x7fc0].map(lanes),
  ].forEach((vector, i) => {
    vector.forEach((value, lane) => view.setUint16(i * 16 + lane * 2, value, true));
  });
  view.setInt32(12 * 16, 7 - mantissaBits, true);
  view.setInt32(12 * 16 + 4, 16 - bits, true);
  view.setInt32(12 * 16 + 8, kind, true);
  view.setInt32(12 * 16 + 12, tap, true);
  const factor = 2 ** (7 - mantissaBits);
  const rest = small.map((half, code) => (half - code * factor - ((127 - bias) << 7)) & 0xffff);
  table.set(
    rest.map((value) => value & 0xff),
    13 * 16,
  );
  table.set(
    rest.map((value) => value >> 8),
    14 * 16,
  );
  for (let lane = 0; lane < 8; lane++) {
    view.setUint16(15 * 16 + lane * 2, factor, true);
    view.setUint16(16 * 16 + lane * 2, 2 ** (8 - bits), true);
  }
  return table;
}

/** 16 bytes as eight 16-bit numbers. */
function bytesOf(bytes: readonly number[]): Uint16Array {
  return new Uint16Array(Uint8Array.from(bytes).buffer);
}
