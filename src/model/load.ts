/** The composition root: the only place that joins the stages. */
import { InputError, throwIfAborted } from "../errors.ts";
import { type Graph, inferGraph, inputNamesOf, simplify } from "../graph/index.ts";
import { checkWork, importModel, resolveLimits } from "../importers/index.ts";
import { checkKernel, createPlan, loadLowerings, type Machine, type Plan } from "../plan/index.ts";
import { isMaddFused, relaxedDotClass, whyNoThreads } from "../wasm/index.ts";
import { createEngine } from "./engine.ts";
import { Model } from "./model.ts";
import {
  checkOptions,
  checkRounding,
  checkThreads,
  chooseIsa,
  type LoadOptions,
} from "./options.ts";
import { type ModelSource, readSource } from "./source.ts";

/** The inferred graph and the plan of a model, without memory or threads: what `inspect` shows. */
export interface PlannedModel {
  readonly graph: Graph;
  readonly plan: Plan;
}

/** @throws every error of `load` but PlatformError and PoolError */
export async function planModel(
  source: ModelSource,
  options: LoadOptions = {},
): Promise<PlannedModel> {
  return planGraph(await readGraph(source, options), options);
}

/** The graph of a model, its types inferred and its weights as the options ask for them. */
export async function readGraph(source: ModelSource, options: LoadOptions = {}): Promise<Graph> {
  checkOptions(options);
  const limits = resolveLimits(options.limits);
  const report = options.onProgress ?? (() => undefined);
  const bytes = await readSource(source, {
    signal: options.signal,
    maxBytes: limits.fileBytes,
    onBytes: (loadedBytes, totalBytes) =>
      report({ stage: "read", loadedBytes, ...(totalBytes === undefined ? {} : { totalBytes }) }),
  });
  throwIfAborted(options.signal, "loading");
  report({ stage: "import" });
  const imported = importModel(bytes, { limits });
  const inferred = inferGraph(imported, inputShapes(imported, options));
  checkWork(inferred, limits);
  return requantize(inferred, options);
}

/** The graph as `weights`, `activations` and so on ask for it, with a calibration where there is one. */
export async function requantize(inferred: Graph, options: LoadOptions): Promise<Graph> {
  if (!asksForRequantization(options)) return inferred;
  if (options.calibrate === undefined) {
    const { applyRequantization } = await import("./requantization.ts");
    return applyRequantization(inferred, options);
  }
  const { requantizeWithSamples } = await import("./calibration.ts");
  return requantizeWithSamples(inferred, options, options.calibrate, loadGraph);
}

/** Options of which one makes `requantize` look at the graph. */
const REQUANTIZE_OPTIONS: readonly (keyof LoadOptions)[] = [
  ...(["weights", "activations", "groupSize", "keepFirstLast"] as const),
  ...(["accumulate", "inputs", "powerOfTwoScales", "calibrate"] as const),
];

function asksForRequantization(options: LoadOptions): boolean {
  return REQUANTIZE_OPTIONS.some((name) => options[name] !== undefined);
}

async function planGraph(inferred: Graph, options: LoadOptions): Promise<PlannedModel> {
  throwIfAborted(options.signal, "loading");
  options.onProgress?.({ stage: "plan" });
  const { forcedKernel: forced } = options;
  if (forced !== undefined) await checkKernel(forced);
  const rounding = checkRounding(options.rounding);
  const graph = simplify(inferred, rounding);
  const plan = createPlan(graph, {
    rounding,
    lowerings: await loadLowerings(graph),
    machine: { ...probeMachine(options), threads: sharingThreads(options) },
    deterministic: options.deterministic ?? true,
    ...(forced === undefined ? {} : { forced }),
  });
  return { graph, plan };
}

/**
 * Reads, imports, plans and places a model, and starts its threads.
 * @throws FormatError, ModelError, ShapeError, QuantizationError, UnsupportedError (lists all that
 *   is missing), ResourceError, InputError (options), PlatformError, CancelledError
 */
export async function load(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  checkOptions(options);
  checkThreads(options.threads);
  return loadGraph(await readGraph(source, options), options);
}

/** The stages of `load` behind `readGraph`: several models can be made of one graph. */
export async function loadGraph(inferred: Graph, options: LoadOptions = {}): Promise<Model> {
  const threads = checkThreads(options.threads);
  const { graph, plan } = await planGraph(inferred, options);
  throwIfAborted(options.signal, "loading");
  options.onProgress?.({ stage: "bind" });
  const engine = createEngine({
    graph,
    plan,
    rounding: checkRounding(options.rounding),
    isa: chooseIsa(options),
    threads,
    memoryBytes: resolveLimits(options.limits).memoryBytes,
    createWorker: options.createWorker,
    minPoolMacs: options.minPoolMacs,
    revectorize: options.revectorize ?? false,
  });
  const model = await Model.create(engine);
  if (options.signal?.aborted) await model.dispose();
  throwIfAborted(options.signal, "loading");
  options.onProgress?.({ stage: "ready" });
  return model;
}

/** Threads that a plan is cut for. */
function sharingThreads({ threads }: LoadOptions): number {
  return whyNoThreads() === undefined ? checkThreads(threads) : 1;
}

function probeMachine(options: LoadOptions): Machine {
  const isa = chooseIsa(options);
  if (isa === "simd128") return { isa };
  const isPaired = options.revectorize === true;
  return { isa, dot: relaxedDotClass(), isFused: isMaddFused(), isPaired };
}

function inputShapes(
  graph: Graph,
  { batch, inputShapes: shapes = {} }: LoadOptions,
): Record<string, readonly number[]> {
  if (batch === undefined) return { ...shapes };
  if (!Number.isInteger(batch) || batch < 1) {
    throw new InputError(`batch: expected an integer of 1 or more, got ${batch}`);
  }
  const names = inputNamesOf(graph);
  const batched = graph.inputs.map((id, i): [string, readonly number[]] => [
    names[i]!,
    [batch, ...graph.values[id]!.type.shape.slice(1)],
  ]);
  return { ...Object.fromEntries(batched), ...shapes };
}
