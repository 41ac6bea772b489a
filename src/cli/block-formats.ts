/** What `bitlane formats` and docs/formats.md say of block formats. */
import type { Distribution } from "../formats/index.ts";
import {
  bitsPerValue,
  blockFormats,
  type BlockFormat,
  blockQuality,
  elementExponent,
} from "../quantization/index.ts";
import { textTable } from "./terminal.ts";

export interface BlockReport {
  readonly name: string;
  readonly element: string;
  /** Values that share a scale. */
  readonly block: number;
  /** Of a value, its share of the scale included. */
  readonly bits: number;
  /** Exponent of the element's largest number: the scale is 2^(⌊log2 of the largest⌋ − this). */
  readonly exponent: number;
  /** Decibels, with the format's own scales. */
  readonly sqnr: Readonly<Record<Distribution, number>>;
}

export function describeBlock(format: BlockFormat): BlockReport {
  const { name, element, blockSize } = format;
  const sqnr = {
    gaussian: blockQuality(format, "gaussian"),
    laplace: blockQuality(format, "laplace"),
  };
  const exponent = elementExponent(format);
  return {
    name,
    element: element.name,
    block: blockSize,
    bits: bitsPerValue(format),
    exponent,
    sqnr,
  };
}

export function describeBlocks(): BlockReport[] {
  return [...blockFormats.values()].map(describeBlock);
}

/** The table of `bitlane formats` and docs/formats.md. */
export const BLOCK_HEAD: readonly string[] = [
  ...["block format", "element", "block", "bits per value", "Gaussian dB", "Laplace dB"],
];

export function blockRow({ name, element, block, bits, sqnr }: BlockReport): string[] {
  const quality = [sqnr.gaussian, sqnr.laplace].map((decibels) => decibels.toFixed(1));
  return [name, element, String(block), String(bits), ...quality];
}

export function printBlocks(reports: readonly BlockReport[]): string {
  const align = BLOCK_HEAD.map((_, i) => (i < 2 ? "left" : "right"));
  return textTable(BLOCK_HEAD, reports.map(blockRow), align);
}

export function printBlock(report: BlockReport): string {
  const { name, element, block, bits, exponent, sqnr } = report;
  return [
    `format     ${name}, OCP Microscaling: blocks of ${block} ${element} with one scale`,
    `scale      E8M0: 2^(⌊log2 of the largest magnitude⌋ − ${exponent}), at least 2^-127`,
    `bits       ${bits} a value, the scale included`,
    `SQNR       dB: Gaussian ${sqnr.gaussian.toFixed(1)}, Laplace ${sqnr.laplace.toFixed(1)}`,
  ].join("\n");
}
