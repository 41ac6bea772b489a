/** The generated parts of docs/formats.md: rows, quality and blocks of the number formats. */
import { describeFormat, FORMAT_HEAD, formatRow, listedFormats } from "../src/cli/formats.ts";
import { isMinifloat } from "../src/formats/index.ts";
import { BLOCK_HEAD, blockRow, describeBlocks } from "../src/cli/block-formats.ts";
import { table } from "./markdown.ts";

/** Minifloats by name, with SQNR. */
export function minifloatTable(): string {
  const rows = listedFormats().filter(isMinifloat).map(describeFormat).map(formatRow);
  return table(FORMAT_HEAD, rows);
}

/** Signed integers of 8 bits and fewer beside them. */
export function integerTable(): string {
  const shown = listedFormats().filter(({ bits, min }) => bits <= 8 && min < 0);
  const rows = shown
    .filter((format) => !isMinifloat(format))
    .map((format) => {
      const cells = formatRow(describeFormat(format));
      return [cells[0]!, cells[1]!, ...cells.slice(-2)];
    });
  return table(["format", "bits", ...FORMAT_HEAD.slice(-2)], rows);
}

export function blockTable(): string {
  return table(BLOCK_HEAD, describeBlocks().map(blockRow));
}
