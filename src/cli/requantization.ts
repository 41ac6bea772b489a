/** `--weights`, `--activations`, `--keep-first-last`: a network in fewer bits, re-quantized as it loads. */
import type { RequantizeOptions } from "../model/index.ts";
import { ACTIVATION_SCHEMES, WEIGHT_SCHEMES } from "../quantizer/index.ts";
import { type Arguments, type Option, UsageError } from "./command.ts";

const KEEP: Option = {
  name: "keep-first-last",
  help: "the first and the last layers keep their bits (default)",
};
const KEEP_NOT: Option = { name: "no-keep-first-last", help: "they are re-quantized as well" };

export const REQUANTIZE_OPTIONS: readonly Option[] = [
  { name: "weights", value: "FORMAT", help: `re-quantizes weights: ${WEIGHT_SCHEMES.join(", ")}` },
  {
    name: "activations",
    value: "FORMAT",
    help: `what re-quantized layers read: ${ACTIVATION_SCHEMES.join(", ")}`,
  },
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
    help: "schemes to compare with the file: int4, int2/uint4, ternary …",
  },
  { name: "activations", value: "FORMAT", help: "for schemes that do not name one" },
  KEEP,
  KEEP_NOT,
];

/** @throws UsageError */
export function readRequantization(given: Arguments): RequantizeOptions {
  const weights = given.choice("weights", WEIGHT_SCHEMES);
  const activations = given.choice("activations", ACTIVATION_SCHEMES);
  return { weights, activations, keepFirstLast: readKeepFirstLast(given) };
}

/** Whether the options ask for anything. */
export function isRequantized({ weights, activations }: RequantizeOptions): boolean {
  return weights !== undefined || activations !== undefined;
}

/** The schemes of a list like `int4,int2/uint4`. @throws UsageError */
export function readSchemes(given: Arguments): Scheme[] {
  const list = given.text("weights");
  if (list === undefined) throw new UsageError("expected --weights LIST, got none");
  const ownActivations = given.choice("activations", ACTIVATION_SCHEMES);
  const keepFirstLast = readKeepFirstLast(given);
  return list.split(",").map((text) => {
    const [left, right, ...more] = text.trim().split("/");
    const weights = WEIGHT_SCHEMES.find((name) => name === left);
    const activations =
      right === undefined ? ownActivations : ACTIVATION_SCHEMES.find((name) => name === right);
    if (
      weights === undefined ||
      (right !== undefined && activations === undefined) ||
      more.length > 0
    ) {
      const formats = `${WEIGHT_SCHEMES.join(" or ")}, and /${ACTIVATION_SCHEMES.join(" or /")} behind it or nothing`;
      throw new UsageError(`--weights: expected ${formats}, got "${text}"`);
    }
    const name = activations === undefined ? weights : `${weights}/${activations}`;
    return { name, options: { weights, activations, keepFirstLast } };
  });
}

function readKeepFirstLast(given: Arguments): boolean {
  const isKept = given.flag(KEEP.name);
  const isNotKept = given.flag(KEEP_NOT.name);
  if (isKept && isNotKept) {
    throw new UsageError(`expected --${KEEP.name} or --${KEEP_NOT.name}, got both`);
  }
  return !isNotKept;
}
