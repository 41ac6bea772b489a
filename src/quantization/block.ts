/**
 * OCP Microscaling (MX) 1.0: blocks of 32 values along the reduction share one E8M0 scale.
 *
 *     scale = 2^(⌊log2 max|v|⌋ − emax), code = element nearest to v / scale, saturating
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
  type Format,
  int8,
  powerOfTwo,
} from "../formats/index.ts";

export interface BlockFormat {
  readonly name: string;
  readonly element: Format;
  /** Value of element code 1 for integers: 2^−6 in MXINT8; else 1. */
  readonly unit: number;
  readonly blockSize: number;
}

function row(name: string, element: Format, unit = 1): BlockFormat {
  return { name, element, unit, blockSize: 32 };
}

export const blockFormats: ReadonlyMap<string, BlockFormat> = new Map(
  [
    row("mxfp8_e4m3", float8_e4m3fn),
    row("mxfp8_e5m2", float8_e5m2),
    row("mxfp6_e3m2", float6_e3m2fn),
    row("mxfp6_e2m3", float6_e2m3fn),
    row("mxfp4", float4_e2m1fn),
    row("mxint8", int8, 2 ** -6),
  ].map((format) => [format.name, format]),
);

/** Rows of `depth` elements, each cut into blocks. */
export interface Blocks {
  /** Element bit patterns, one per byte. */
  readonly codes: Uint8Array;
  /** E8M0 codes: ⌈depth / blockSize⌉ per row. 255 makes the whole block NaN. */
  readonly scales: Uint8Array;
}

const NAN_SCALE = float8_e8m0fnu.nanCode;

/** Exponent of the scale of values whose largest magnitude is finite and above 0. */
function sharedExponent({ element, unit }: BlockFormat, largest: number): number {
  return Math.max(exponentOf(largest) - exponentOf(element.max * unit), -127);
}

/**
 * @throws InputError rows that do not divide the values
 * NaN, infinity or a scale above 2^127 makes a block NaN; zeros have scale code 0.
 */
export function encodeBlocks(
  format: BlockFormat,
  values: ArrayLike<number>,
  depth: number,
): Blocks {
  const { element, unit, blockSize } = format;
  const { rows, blocks } = blocksOf(format, values.length, depth);
  const codes = new Uint8Array(values.length);
  const scales = new Uint8Array(rows * blocks);
  for (let i = 0; i < scales.length; i++) {
    const start = Math.floor(i / blocks) * depth + (i % blocks) * blockSize;
    const end = Math.min(start + blockSize, (Math.floor(i / blocks) + 1) * depth);
    let largest = 0;
    for (let j = start; j < end; j++) {
      const magnitude = Math.abs(values[j]!);
      if (!(magnitude <= largest)) largest = magnitude;
      if (Number.isNaN(largest)) break;
    }
    if (largest === 0) continue;
    const exponent = Number.isFinite(largest) ? sharedExponent(format, largest) : Infinity;
    scales[i] = exponent > 127 ? NAN_SCALE : exponent + 127;
    if (exponent > 127) continue;
    const scale = powerOfTwo(exponent) * unit;
    for (let j = start; j < end; j++) codes[j] = element.encode(values[j]! / scale);
  }
  return { codes, scales };
}

/** The values of blocks as float32. */
export function decodeBlocks(
  format: BlockFormat,
  { codes, scales }: Blocks,
  depth: number,
): Float32Array {
  const { element, unit, blockSize } = format;
  const { blocks } = blocksOf(format, codes.length, depth);
  return Float32Array.from(codes, (code, i) => {
    const row = Math.floor(i / depth);
    const scale = float8_e8m0fnu.decode(
      scales[row * blocks + Math.floor((i % depth) / blockSize)]!,
    );
    return element.decode(code) * unit * scale;
  });
}

function blocksOf(
  { blockSize }: BlockFormat,
  count: number,
  depth: number,
): { rows: number; blocks: number } {
  const rows = depth === 0 ? 0 : count / depth;
  if (!Number.isInteger(rows)) {
    throw new InputError(`expected rows of ${depth} values, got ${count} values`);
  }
  return { rows, blocks: Math.ceil(depth / blockSize) };
}

/** Bits that one value takes, its share of the scale included. */
export function bitsPerValue({ element, blockSize }: BlockFormat): number {
  return element.bits + float8_e8m0fnu.bits / blockSize;
}
