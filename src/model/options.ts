/** The names of the options of `load` and what each may be; what they mean is checked where they are used. */
import { InputError, kindOf } from "../errors.ts";
import type { Rounding } from "../quantization/index.ts";
import { hasRelaxedSimd } from "../wasm/index.ts";
import { capabilities } from "./capabilities.ts";
import type { LoadOptions } from "./load.ts";

const MAX_THREADS = 64;

/** By what `typeof` says. */
const OPTIONS_BY_TYPE = {
  number: "threads batch groupSize minPoolMacs",
  boolean: "keepFirstLast powerOfTwoScales revectorize",
  string: "rounding weights activations inputs isa forcedKernel",
  object: "inputShapes limits signal calibrate accumulate",
  function: "onProgress createWorker",
};

/** @throws InputError a name that is none, or a value of another type; `undefined` is the default */
export function checkOptions(options: LoadOptions): void {
  if (kindOf(options) !== "Object") {
    throw new InputError(`options: expected an object, got ${kindOf(options)}`);
  }
  const types = Object.entries(OPTIONS_BY_TYPE);
  for (const [name, value] of Object.entries(options)) {
    const type = types.find(([, names]) => names.split(" ").includes(name))?.[0];
    if (type === undefined) {
      const all = types.map(([, names]) => names).join(" ");
      throw new InputError(`options: expected one of ${all}, got "${name}"`);
    }
    if (value !== undefined && (typeof value !== type || value === null)) {
      throw new InputError(`${name}: expected a value of type ${type}, got ${kindOf(value)}`);
    }
  }
  checkSignal(options.signal);
}

/** @throws InputError */
export function checkSignal(signal: AbortSignal | undefined): void {
  if (signal !== undefined && kindOf(signal) !== "AbortSignal") {
    throw new InputError(`signal: expected an AbortSignal, got ${kindOf(signal)}`);
  }
}

export function chooseIsa({ isa }: LoadOptions): "simd128" | "relaxed" {
  if (isa !== undefined && isa !== "simd128" && isa !== "relaxed") {
    throw new InputError(`isa: expected "simd128" or "relaxed", got "${String(isa)}"`);
  }
  return isa ?? (hasRelaxedSimd() ? "relaxed" : "simd128");
}

export function checkRounding(rounding: Rounding = "fp32"): Rounding {
  if (rounding !== "fp32" && rounding !== "tflite-reference") {
    throw new InputError(
      `rounding: expected "fp32" or "tflite-reference", got "${String(rounding)}"`,
    );
  }
  return rounding;
}

export function checkThreads(threads: number | undefined): number {
  if (threads === undefined) return capabilities().threads;
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
    throw new InputError(`threads: expected an integer in [1, ${MAX_THREADS}], got ${threads}`);
  }
  return threads;
}
