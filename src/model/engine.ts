/** Memory, module and threads for a plan, and what to fall back to where the host refuses. */
import { PoolError } from "../errors.ts";
import { bindPlan, canUsePool, Runner, type WorkerFactory } from "../schedule/index.ts";
import {
  loadModules,
  setRevectorization,
  whyNoRevectorization,
  whyNoThreads,
} from "../wasm/index.ts";
import type { Engine } from "./model.ts";
import { differingKernels } from "./self-check.ts";

export interface EngineOptions extends Pick<Engine, "graph" | "plan" | "rounding" | "isa"> {
  readonly threads: number;
  readonly memoryBytes: number;
  readonly createWorker: WorkerFactory | undefined;
  readonly minPoolMacs: number | undefined;
  readonly revectorize: boolean;
  /** How kernels are compared before revectorization is trusted; tests put a fault into it. */
  readonly compareKernels?: typeof differingKernels;
}

type Reference = Parameters<Engine["start"]>[0];

/** Kernels whose optimised code was compared with baseline code in this process. */
const checkedKernels = new Set<string>();
/** Variant of the modules that is compiled once the pass is off again. */
const AFTER_FAULT = "after revectorization";
/** Set once a comparison failed: the pass stays off. */
let revectorizationFault: string | undefined;

export function createEngine(options: EngineOptions): Engine {
  const { graph, plan, rounding, threads } = options;
  const diagnostics: string[] = [];
  const noThreads = whyNoThreads();
  // Threads that no run would wake are not started.
  const isWorthPool = options.minPoolMacs !== undefined || canUsePool(plan);
  let workers = threads > 1 && noThreads === undefined && isWorthPool ? threads : 0;
  if (threads > 1 && noThreads !== undefined) diagnostics.push(`one thread: ${noThreads}`);
  return {
    graph,
    plan,
    rounding,
    isa: options.isa,
    canWait: typeof document === "undefined",
    diagnostics,
    start: async (reference) => {
      try {
        return await startRunner(options, workers, reference, diagnostics);
      } catch (error) {
        if (!(error instanceof PoolError)) throw error;
        diagnostics.push(`one thread: ${error.message}`);
        workers = 0;
        return startRunner(options, workers, reference, diagnostics);
      }
    },
  };
}

async function startRunner(
  options: EngineOptions,
  workers: number,
  reference: Reference,
  diagnostics: string[],
): Promise<Runner> {
  const { modules } = options.plan;
  const variant = options.revectorize ? await revectorizedVariant(options, diagnostics) : "";
  return bind(options, await loadModules(modules, workers > 0, variant), workers, reference);
}

function bind(
  { plan, memoryBytes, createWorker, minPoolMacs }: EngineOptions,
  modules: readonly WebAssembly.Module[],
  workers: number,
  reference: Reference,
): Promise<Runner> {
  const lanes = Math.max(1, workers);
  const binding = bindPlan(plan, modules, { workers, lanes, maxMemoryBytes: memoryBytes });
  return Runner.start(binding, reference, { createWorker, minPoolMacs });
}

/** The variant of the module to use with the pass on, or "" with the reason in `diagnostics`. */
async function revectorizedVariant(options: EngineOptions, diagnostics: string[]): Promise<string> {
  const why = whyNoRevectorization() ?? revectorizationFault;
  if (why !== undefined) {
    diagnostics.push(`not revectorized: ${why}`);
    // What was optimised while the pass was on must not be used after a fault.
    return revectorizationFault === undefined ? "" : AFTER_FAULT;
  }
  const variant = "revectorized";
  setRevectorization(true);
  const names = options.plan.steps.flatMap((s) => (s.kind === "kernel" ? [s.kernel] : []));
  if (names.every((name) => checkedKernels.has(name))) return variant;
  const start = async (name: string) =>
    bind(options, await loadModules(options.plan.modules, false, name), 0, () => undefined);
  const hot = await start(variant);
  const fresh = await start(`fresh ${checkedKernels.size}`);
  const differing = (options.compareKernels ?? differingKernels)(hot, fresh);
  if (differing.length === 0) {
    for (const name of names) checkedKernels.add(name);
    return variant;
  }
  setRevectorization(false);
  revectorizationFault = `its results differ in ${differing.join(", ")}`;
  diagnostics.push(`not revectorized: ${revectorizationFault}`);
  return AFTER_FAULT;
}
