/** Number formats as rows of facts. A format is not a quantization and not a packing. */
export { exponentOf, powerOfTwo } from "./bits.ts";
export { type Format, roundHalfEven } from "./format.ts";
import * as floats from "./float.ts";
import type { Format } from "./format.ts";
import * as integers from "./integer.ts";
import { minifloat } from "./minifloat.ts";
import * as minifloats from "./minifloat-rows.ts";

export * from "./float.ts";
export * from "./integer.ts";
export {
  createMinifloat,
  hfp8Backward,
  hfp8Forward,
  isMinifloat,
  minifloat,
  type Minifloat,
  type MinifloatFacts,
  type ReservedCodes,
} from "./minifloat.ts";
export * from "./minifloat-rows.ts";
export {
  type Distribution,
  magnitudesOf,
  type Quality,
  qualityOf,
  quantilesOf,
} from "./quality.ts";

/** All named formats by name. */
export const formats: ReadonlyMap<string, Format> = new Map(
  [integers, floats, minifloats]
    .flatMap((rows): Format[] => Object.values(rows))
    .map((format) => [format.name, format]),
);

/** A named format, or one of our own: "minifloat_e4m3b7", where the bias may be left out. */
export function findFormat(name: string): Format | undefined {
  const own = /^minifloat_e(\d)m(\d\d?)(?:b(-?\d+))?$/.exec(name);
  if (own === null) return formats.get(name);
  const [exponentBits, mantissaBits] = [Number(own[1]), Number(own[2])];
  return own[3] === undefined
    ? minifloat({ exponentBits, mantissaBits })
    : minifloat({ exponentBits, mantissaBits, bias: Number(own[3]) });
}
