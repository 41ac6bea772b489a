/** `--weights`, `--activations` and what belongs to them: a network in fewer bits, re-quantized as it loads. */
import { InputError } from "../errors.ts";
import type { AccumulateOptions, RequantizeOptions } from "../model/index.ts";
import {
  ACTIVATION_SCHEMES,
  checkAccumulate,
  isMinifloatName,
  WEIGHT_SCHEMES,
} from "../quantizer/index.ts";
import { type Arguments, type Option, UsageError } from "./command.ts";

const KEEP: Option = {
  name: "keep-first-last",
  help: "the first and the last layers keep their bits (default)",
};
const GROUP_SIZE: Option = {
  name: "group-size",
  value: "N",
  help: "a scale for each N input channels of a tap, a multiple of 4, not for each output channel",
};
const MAX_GROUP_SIZE = 65_536;
const ACCUMULATE: Option = {
  name: "accumulate",
  value: "FORMAT/CHUNK[/ROUNDING[/SEED]]",
  help: "minifloats: sums in an emulated accumulator, fp16_e6m9/64 or fp16_e6m9/64/stochastic/7",
};
const KEEP_NOT: Option = { name: "no-keep-first-last", help: "they are re-quantized as well" };

export const REQUANTIZE_OPTIONS: readonly Option[] = [
  {
    name: "weights",
    value: "FORMAT",
    help: `re-quantizes weights: ${WEIGHT_SCHEMES.join(", ")}, or a minifloat, in blocks or not: float8_e4m3fn, mxfp4 … (bitlane formats)`,
  },
  {
    name: "activations",
    value: "FORMAT",
    help: `what re-quantized layers read: ${ACTIVATION_SCHEMES.join(", ")}; float32, a minifloat`,
  },
  ACCUMULATE,
  GROUP_SIZE,
  KEEP,
  KEEP_NOT,
];

/** A way to re-quantize, with the name that is written for it. */
export interface Scheme {
  readonly name: string;
  readonly options: RequantizeOptions;
}

export const SCHEME_OPTIONS: readonly Option[] = [
  {
    name: "weights",
    value: "LIST",
    help: "schemes to compare with the file: int4, int4g32, int2/uint4, float8_e4m3fn, mxfp4/mxfp8_e4m3 …",
  },
  { name: "activations", value: "FORMAT", help: "for schemes that do not name one" },
  { ...ACCUMULATE, help: "float8_e5m2@fp16_e6m9/64 names one; for schemes that do not" },
  { ...GROUP_SIZE, help: "int4g32 is int4 with 32; for schemes that do not name one" },
  KEEP,
  KEEP_NOT,
];

/** @throws UsageError */
export function readRequantization(given: Arguments): RequantizeOptions {
  const named = given.text("weights");
  if (named !== undefined && isMinifloatName(named)) return readScheme(given, named).options;
  const weights = given.choice("weights", WEIGHT_SCHEMES);
  const activations = given.choice("activations", ACTIVATION_SCHEMES);
  const groupSize = readGroupSize(given);
  if (given.text(ACCUMULATE.name) !== undefined) {
    throw new UsageError(
      "--accumulate: expected --weights and --activations in minifloats beside it",
    );
  }
  return { weights, activations, groupSize, keepFirstLast: readKeepFirstLast(given) };
}

/** @throws UsageError */
function readGroupSize(given: Arguments): number | undefined {
  return given.integer(GROUP_SIZE.name, 4, MAX_GROUP_SIZE);
}

/** Whether the options ask for anything. */
export function isRequantized({ weights, activations }: RequantizeOptions): boolean {
  return weights !== undefined || activations !== undefined;
}

/** The schemes of a list like `int4,int2/uint4`. @throws UsageError */
export function readSchemes(given: Arguments): Scheme[] {
  const list = given.text("weights");
  if (list === undefined) throw new UsageError("expected --weights LIST, got none");
  return list.split(",").map((text) => readScheme(given, text.trim()));
}

/** HFP8: its forward format for weights and activations. */
const HFP8 = "hfp8";

/** @param text "FORMAT/CHUNK[/ROUNDING[/SEED]]" @throws UsageError */
function readAccumulate(text: string): AccumulateOptions {
  const [format, chunk, rounding, seed, ...more] = text.split("/");
  const options = {
    ...{ format, chunk: Number(chunk), rounding },
    ...(seed === undefined ? {} : { seed: seed === "" ? NaN : Number(seed) }),
  } as AccumulateOptions;
  try {
    if (more.length > 0) throw new InputError("accumulate: expected up to four parts");
    checkAccumulate(options);
  } catch (error) {
    const expected = `--accumulate: expected ${ACCUMULATE.value}, got "${text}"`;
    throw new UsageError(`${expected}: ${(error as InputError).message}`);
  }
  return options;
}

function readScheme(given: Arguments, text: string): Scheme {
  const [formats = "", own, ...others] = text.split("@");
  const expanded = formats === HFP8 ? "hfp8_e4m3/hfp8_e4m3" : formats;
  const [format = "", right = given.text("activations"), ...more] = expanded.split("/");
  // "int4g32": blocks of 32.
  const [, left = format, size] = /^([a-z]+\d?)g(\d+)$/.exec(format) ?? [];
  const isMinifloatScheme = isMinifloatName(left);
  const takesGroups = left !== "int8" && !isMinifloatScheme;
  const groupSize =
    size !== undefined ? Number(size) : takesGroups ? readGroupSize(given) : undefined;
  const fits =
    right === undefined ||
    (isMinifloatScheme
      ? right === "float32" || isMinifloatName(right)
      : ACTIVATION_SCHEMES.some((name) => name === right));
  if (
    !(isMinifloatScheme || WEIGHT_SCHEMES.some((name) => name === left)) ||
    !fits ||
    [...more, ...others].length > 0 ||
    (own !== undefined && !isMinifloatScheme)
  ) {
    const expected = `${WEIGHT_SCHEMES.join(" or ")}, and /${ACTIVATION_SCHEMES.join(" or /")} behind it or nothing; or a minifloat, /float32 or /another behind it, then @FORMAT/CHUNK or nothing`;
    throw new UsageError(`--weights: expected ${expected}, got "${text}"`);
  }
  // Minifloats: all layers, unless it is asked for.
  const keepFirstLast = isMinifloatScheme ? given.flag(KEEP.name) : readKeepFirstLast(given);
  const sums = own ?? (isMinifloatScheme ? given.text(ACCUMULATE.name) : undefined);
  const accumulate = sums === undefined ? undefined : readAccumulate(sums);
  const name = formats === HFP8 ? HFP8 : right === undefined ? format : `${format}/${right}`;
  return {
    name: sums === undefined ? name : `${name}@${sums}`,
    options: {
      ...{ weights: left, activations: right, groupSize, keepFirstLast },
      ...(accumulate === undefined ? {} : { accumulate }),
    } as RequantizeOptions,
  };
}

export function isMinifloatScheme({ options: { weights } }: Scheme): boolean {
  return weights !== undefined && isMinifloatName(weights);
}

function readKeepFirstLast(given: Arguments): boolean {
  const isKept = given.flag(KEEP.name);
  const isNotKept = given.flag(KEEP_NOT.name);
  if (isKept && isNotKept) {
    throw new UsageError(`expected --${KEEP.name} or --${KEEP_NOT.name}, got both`);
  }
  return !isNotKept;
}
