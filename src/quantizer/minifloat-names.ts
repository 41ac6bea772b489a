/** The names of minifloats in options: with a scale per channel or tensor, or in blocks. */
import { InputError } from "../errors.ts";
import { findFormat, isMinifloat, type Minifloat } from "../formats/index.ts";
import { blockFormats, type BlockFormatName } from "../quantization/index.ts";

/** A row of docs/formats.md with a sign, or one of our own: "minifloat_e4m3b7". */
export type MinifloatName =
  | `float${4 | 6 | 8 | 16}${string}`
  | `hfp8_${string}`
  | `minifloat_${string}`
  | "bfloat16"
  | "fp9_e5m3"
  | "fp16_e6m9";

/** Whether a name is one of minifloats or of their blocks. */
export function isMinifloatName(name: unknown): name is MinifloatName | BlockFormatName {
  if (typeof name !== "string") return false;
  const format = findFormat(name);
  return blockFormats.has(name) || (format !== undefined && isMinifloat(format));
}

/** @throws InputError a name of no signed minifloat */
export function signedMinifloat(name: unknown, option: string): Minifloat {
  const format = typeof name === "string" ? findFormat(name) : undefined;
  if (format !== undefined && isMinifloat(format) && format.signed) return format;
  throw new InputError(`${option}: expected a minifloat with a sign, got ${JSON.stringify(name)}`);
}
