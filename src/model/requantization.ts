/** The options of `load` that re-quantize a network before it is planned. */
import { InputError } from "../errors.ts";
import { type Graph, inferGraph } from "../graph/index.ts";
import type { BlockFormatName } from "../quantization/index.ts";
import {
  type AccumulateOptions,
  ACTIVATION_SCHEMES,
  type FloatGraph,
  isMinifloatName,
  minifloatGraph,
  type MinifloatName,
  type MinifloatOptions,
  type Observations,
  requantizeGraph,
  type RequantizeOptions as IntegerOptions,
  WEIGHT_SCHEMES,
} from "../quantizer/index.ts";

export type { AccumulateOptions, BlockFormatName, MinifloatName };

export interface RequantizeOptions {
  /** Format of the weights: integers, minifloats, or minifloats in blocks of 32 (OCP Microscaling). */
  readonly weights?: IntegerOptions["weights"] | MinifloatName | BlockFormatName | undefined;
  /** What re-quantized layers read; beside minifloat weights a minifloat, blocks or "float32" (default). */
  readonly activations?:
    IntegerOptions["activations"] | MinifloatName | BlockFormatName | "float32" | undefined;
  /** Leave the first and the last layers as they are. Default: true; minifloats: false. */
  readonly keepFirstLast?: boolean | undefined;
  /** Integers below 8 bits: a scale for each block of so many input channels, a multiple of 4. */
  readonly groupSize?: number | undefined;
  /** Minifloats: the sums of all layers in an emulated accumulator. */
  readonly accumulate?: AccumulateOptions | undefined;
  /**
   * Minifloats: what the first layers read of the network's inputs, as `activations`. Default:
   * "float32"; between FP6 and FP4 formats "minifloat_e1m6", 8-bit integers; with `accumulate`
   * "fp16_e6m9".
   */
  readonly inputs?: MinifloatName | BlockFormatName | "float32" | undefined;
  /** Minifloats: scales that are powers of two. */
  readonly powerOfTwoScales?: boolean | undefined;
}

/** The options in minifloats, if the weights ask for them. @throws InputError */
export function minifloatOptions(options: RequantizeOptions): MinifloatOptions | undefined {
  const { weights, activations, ...more } = options;
  if (!isMinifloatName(weights)) {
    const { accumulate, inputs, powerOfTwoScales } = options;
    const isAsked = [accumulate, inputs, powerOfTwoScales].some((option) => option !== undefined);
    if (isAsked || isRealName(activations)) {
      throw new InputError(
        `weights: expected a minifloat for ${isRealName(activations) ? `activations "${activations}"` : "accumulate, inputs and powerOfTwoScales"}, got ${JSON.stringify(weights)}`,
      );
    }
    return undefined;
  }
  if (options.groupSize !== undefined) {
    throw new InputError(`groupSize: expected integer weights below 8 bits, got ${weights}`);
  }
  if (activations !== undefined && !isRealName(activations)) {
    throw new InputError(
      `activations: expected a minifloat or "float32" beside ${weights} weights, got ${JSON.stringify(activations)}`,
    );
  }
  if (more.inputs !== undefined && !isRealName(more.inputs)) {
    throw new InputError(
      `inputs: expected a minifloat or "float32", got ${JSON.stringify(more.inputs)}`,
    );
  }
  checkOption("keepFirstLast", more.keepFirstLast, [true, false]);
  checkOption("powerOfTwoScales", more.powerOfTwoScales, [true, false]);
  return { ...more, weights, activations };
}

/**
 * The graph as the options ask for it; itself where they ask for nothing.
 * @param graph as imported; for minifloats also as `floatGraph` gives it
 * @throws InputError
 */
export function applyRequantization(
  graph: Graph | FloatGraph,
  options: RequantizeOptions,
  observed?: Observations,
): Graph {
  const steps = requantizationSteps(graph, options, observed);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
  }
}

/** The same with a stop behind every layer. */
export function* requantizationSteps(
  graph: Graph | FloatGraph,
  options: RequantizeOptions,
  observed?: Observations,
): Generator<void, Graph> {
  const minifloats = minifloatOptions(options);
  if (minifloats !== undefined) {
    return inferGraph(yield* minifloatGraph(graph, minifloats, observed));
  }
  const { weights, activations, keepFirstLast, groupSize } = options;
  checkOption("weights", weights, WEIGHT_SCHEMES);
  checkOption("activations", activations, ACTIVATION_SCHEMES);
  checkOption("keepFirstLast", keepFirstLast, [true, false]);
  if (groupSize !== undefined) checkGroupSize(groupSize, weights);
  const source = "ranges" in graph ? graph.graph : graph;
  if (weights === undefined && activations === undefined) return source;
  const own = { weights, activations, keepFirstLast, groupSize } as IntegerOptions;
  return inferGraph(yield* requantizeGraph(source, own, observed));
}

/** Longer blocks than layers are deep mean nothing; the bound keeps their sums in int32. */
const MAX_GROUP_SIZE = 65_536;

function checkGroupSize(groupSize: unknown, weights: unknown): void {
  if (weights === undefined || weights === "int8") {
    throw new InputError(
      `groupSize: expected weights below 8 bits beside it, got ${JSON.stringify(weights)}`,
    );
  }
  const isValid =
    typeof groupSize === "number" &&
    Number.isInteger(groupSize / 4) &&
    groupSize >= 4 &&
    groupSize <= MAX_GROUP_SIZE;
  if (!isValid) {
    throw new InputError(
      `groupSize: expected a multiple of 4 from 4 to ${MAX_GROUP_SIZE}, got ${JSON.stringify(groupSize)}`,
    );
  }
}

function isRealName(name: unknown): name is MinifloatName | BlockFormatName | "float32" {
  return name === "float32" || isMinifloatName(name);
}

function checkOption(name: string, value: unknown, values: readonly unknown[]): void {
  if (value === undefined || values.includes(value)) return;
  const expected = values.map((entry) => JSON.stringify(entry)).join(" or ");
  throw new InputError(`${name}: expected ${expected}, got ${JSON.stringify(value)}`);
}
