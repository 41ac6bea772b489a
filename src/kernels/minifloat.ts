/** Arrays between minifloat codes and float32: `assembly/minifloat.ts`. */
import { float32, type Minifloat } from "../formats/index.ts";
import type { Kernel } from "./kernel.ts";

const WIDTHS = [8, 6, 4];

export const minifloatKernels: readonly Kernel[] = [
  ...WIDTHS.map((bits): Kernel => ({
    name: `decode_m${bits}_f32`,
    isa: "simd128",
    parameters: ["x", "y", "table", "count", "tileCount", "scale"],
    floats: ["scale"],
  })),
  ...WIDTHS.map((bits): Kernel => ({
    name: `encode_f32_m${bits}`,
    isa: "simd128",
    parameters: [
      ...["x", "y", "count", "tileCount", "mantissaBits", "bias"],
      ...["maxCode", "overflowCode", "nanCode", "signShift", "zeroSign", "scale"],
    ],
    floats: ["scale"],
  })),
];

/** Codes that one vector holds: tiles are multiples of it. */
export const MINIFLOAT_GROUP = 16;

/** Bytes of a `MinifloatTable`: 12 vectors and two shifts, rounded up to a vector. */
export const MINIFLOAT_TABLE_BYTES = 13 * 16;

/** Magnitudes that the decode kernels look up. */
const SMALL = 16;

/** Whether the decode kernels take a format: all of its values are halves of float32. */
export function hasDecodeKernel(format: Minifloat): boolean {
  return (
    WIDTHS.includes(format.bits) &&
    format.mantissaBits <= 4 &&
    format.bias <= 127 &&
    smallHalves(format).every(Number.isInteger)
  );
}

/** Whether the encode kernels take it: they round in float32 bits. */
export function hasEncodeKernel({ bits, signed, mantissaBits, bias }: Minifloat): boolean {
  return (
    WIDTHS.includes(bits) &&
    signed &&
    mantissaBits >= 1 &&
    bias <= 127 &&
    // The float32 whose unit in the last place is the smallest step.
    151 - bias - mantissaBits <= 254
  );
}

/** Upper halves of the float32 values of the magnitudes below 16; fractions where that is not all. */
function smallHalves({ maxCode, decode }: Minifloat): number[] {
  return Array.from({ length: SMALL }, (_, code) =>
    code <= maxCode ? float32.encode(decode(code)) / 65536 : 0,
  );
}

/** The constants of a format as `MinifloatTable` of assembly/formats/minifloat.ts. */
export function minifloatTable(format: Minifloat): Uint8Array {
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
  return table;
}

/** 16 bytes as eight 16-bit numbers. */
function bytesOf(bytes: readonly number[]): Uint16Array {
  return new Uint16Array(Uint8Array.from(bytes).buffer);
}
