/**
 * OCP Microscaling (MX) 1.0: blocks of 32 values along the reduction share one E8M0 scale.
 *
 *     scale = 2^(⌊log2 max|v|⌋ − emax), element = number nearest to v / scale, saturating
 *
 * where emax is the exponent of the largest element value. The floor lets the largest value of a
 * block saturate; that is the standard's own rule.
 */
import { InputError } from "../errors.ts";
import {
  exponentOf,
  float4_e2m1fn,
  float6_e2m3fn,
  float6_e3m2fn,
  float8_e4m3fn,
  float8_e5m2,
  float8_e8m0fnu,
  minifloat,
  type Minifloat,
} from "../formats/index.ts";

export type BlockFormatName =
  "mxfp8_e4m3" | "mxfp8_e5m2" | "mxfp6_e3m2" | "mxfp6_e2m3" | "mxfp4" | "mxint8";

export interface BlockFormat {
  readonly name: BlockFormatName;
  readonly element: Minifloat;
  readonly blockSize: number;
}

/**
 * The element of MXINT8: integers of sign and magnitude in units of 2^−6. The −128 of two's complement
 * is not used, as the standard allows.
 */
const integer8 = minifloat({ exponentBits: 1, mantissaBits: 6, bias: 1 });

function row(name: BlockFormatName, element: Minifloat): BlockFormat {
  return { name, element, blockSize: 32 };
}

export const blockFormats: ReadonlyMap<string, BlockFormat> = new Map(
  [
    row("mxfp8_e4m3", float8_e4m3fn),
    row("mxfp8_e5m2", float8_e5m2),
    row("mxfp6_e3m2", float6_e3m2fn),
    row("mxfp6_e2m3", float6_e2m3fn),
    row("mxfp4", float4_e2m1fn),
    row("mxint8", integer8),
  ].map((format) => [format.name, format]),
);

/** Exponent of the largest number of the elements. */
export function elementExponent({ element }: BlockFormat): number {
  return exponentOf(element.max);
}

/** E8M0 code of the scale of values whose largest magnitude is given; NaN for NaN and infinity. */
export function blockScaleCode(format: BlockFormat, largest: number): number {
  if (!(largest < Infinity)) return float8_e8m0fnu.nanCode;
  const { bias } = float8_e8m0fnu;
  return Math.max(exponentOf(largest) - elementExponent(format) + bias, 0);
}

/**
 * What blocks make of rows of `depth` float32 values, each row cut into blocks: elements times scales. NaN
 * and infinity make their block NaN; zeros keep their signs.
 * @throws InputError rows that do not divide the values
 */
export function nearestBlocks(
  format: BlockFormat,
  values: Float32Array,
  depth: number,
): Float32Array {
  const { element, blockSize } = format;
  if (values.length % (depth || 1) !== 0) {
    throw new InputError(`expected rows of ${depth} values, got ${values.length} values`);
  }
  const result = new Float32Array(values.length);
  for (let start = 0, end = 0; start < values.length; start = end) {
    end = Math.min(start + blockSize, start - (start % depth) + depth);
    const largest = values.subarray(start, end).reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const scale = float8_e8m0fnu.decode(blockScaleCode(format, largest));
    for (let i = start; i < end; i++) {
      result[i] = element.decode(element.encode(values[i]! / scale, true)) * scale;
    }
  }
  return result;
}

/** Bits that one value takes, its share of the scale included. */
export function bitsPerValue({ element, blockSize }: BlockFormat): number {
  return element.bits + float8_e8m0fnu.bits / blockSize;
}
