/** Number formats as rows of facts. A format is not a quantization and not a packing. */
export { type Format, roundHalfEven } from "./format.ts";
import * as floats from "./float.ts";
import type { Format } from "./format.ts";
import * as integers from "./integer.ts";

export * from "./float.ts";
export * from "./integer.ts";

/** All formats by name. */
export const formats: ReadonlyMap<string, Format> = new Map(
  [...Object.values(integers), ...Object.values(floats)].map((format) => [format.name, format]),
);
