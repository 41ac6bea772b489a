/** The options of `load`: their names, types and ranges; what depends on the network is checked where it is used. */
import { InputError, kindOf } from "../errors.ts";
import type { Limits } from "../importers/index.ts";
import type { Rounding } from "../quantization/index.ts";
import type { WorkerFactory } from "../schedule/index.ts";
import { hasRelaxedSimd } from "../wasm/index.ts";
import { capabilities } from "./capabilities.ts";
import type { Feeds } from "./feeds.ts";
import type { RequantizeOptions } from "./requantization.ts";

export interface LoadProgress {
  readonly stage: "read" | "import" | "calibrate" | "plan" | "bind" | "ready";
  /** Bytes so far, and in all where known; only while reading. */
  readonly loadedBytes?: number;
  readonly totalBytes?: number;
  /** Samples and layers so far, and in all; only while calibrating. */
  readonly doneSteps?: number;
  readonly totalSteps?: number;
}

/**
 * `weights`, `activations`, `groupSize` and `keepFirstLast` re-quantize the network: fewer bits for its weights, and
 * for the activations that they meet. Layers with fewer bits in the file keep those.
 */
export interface LoadOptions extends RequantizeOptions {
  /**
   * Some inputs for re-quantization, a few dozen, as `run` takes them and without answers: weights are rounded by
   * what they read, biases make up for the rest, and minifloat activations get their ranges. Without them the
   * ranges are those of an integer file's quantization.
   */
  readonly calibrate?: readonly Feeds[] | undefined;
  /** Threads for one inference. Default: as many as the host offers, 16 at most. */
  readonly threads?: number;
  /** Rounding rule of 8-bit results. Default "fp32": TFLite's default CPU path. */
  readonly rounding?: Rounding;
  /** Shapes that replace those of the file, by input name. */
  readonly inputShapes?: Readonly<Record<string, readonly number[]>>;
  /** Replaces the first extent of every input. */
  readonly batch?: number;
  readonly limits?: Partial<Limits>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Makes a module worker of `bitlane/worker`, where a policy or bundler needs its own URL. */
  readonly createWorker?: WorkerFactory;
  /**
   * Multiply-accumulates between two stops that make waking the threads worthwhile. Default: as many as
   * take longer than the waking, by the speed of their kernels. Infinity: never.
   */
  readonly minPoolMacs?: number;
  /**
   * False: products of float32, also with minifloat weights, may be added by fused multiply-adds where the machine has
   * them: 1.04 to 1.06 times as fast where multiply and add have units of their own. Results then depend on the machine,
   * within a rounding of float32 for each product, never on the number of threads. No effect beside `revectorize`.
   * Default true: the same bits everywhere.
   */
  readonly deterministic?: boolean;
  /** Instruction set. Default: the best that the host validates. Results do not depend on it. */
  readonly isa?: "simd128" | "relaxed";
  /**
   * Node 24 and newer on x64: V8's experimental 256-bit pass, 1.5 times as fast and more. A flag of
   * the whole process; the kernels are compared with plain code first, and plain code is taken,
   * with a line in `diagnostics`, where a bit differs. Elsewhere it has no effect but that line.
   */
  readonly revectorize?: boolean;
  /** A kernel that must be taken wherever it fits; for tests and benchmarks. */
  readonly forcedKernel?: string;
}

const MAX_THREADS = 64;

/** By what `typeof` says. */
const OPTIONS_BY_TYPE = {
  number: "threads batch groupSize minPoolMacs",
  boolean: "deterministic keepFirstLast powerOfTwoScales revectorize",
  string: "rounding weights activations inputs isa forcedKernel",
  object: "inputShapes limits signal calibrate accumulate",
  function: "onProgress createWorker",
};

/** @throws InputError a name that is none, or a value of another type or range; `undefined` is the default */
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
  const { minPoolMacs = 0 } = options;
  if (!(minPoolMacs >= 0)) {
    throw new InputError(`minPoolMacs: expected a number of 0 or more, got ${minPoolMacs}`);
  }
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
