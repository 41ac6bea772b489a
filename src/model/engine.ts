/** Memory, module and threads for a plan, and what to fall back to where the host refuses. */
import { PoolError } from "../errors.ts";
import { bindPlan, canUsePool, Runner, type WorkerFactory } from "../schedule/index.ts";
import { loadModules, whyNoThreads } from "../wasm/index.ts";
import type { Engine } from "./model.ts";
import type { differingKernels } from "./self-check.ts";

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
  const variant = options.revectorize ? await chooseVariant(options, diagnostics) : "";
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

/** The code of revectorization and its check is loaded where somebody asks for it. */
async function chooseVariant(options: EngineOptions, diagnostics: string[]): Promise<string> {
  const { revectorizedVariant } = await import("./revectorization.ts");
  const { modules } = options.plan;
  const start = async (variant: string) =>
    bind(options, await loadModules(modules, false, variant), 0, () => undefined);
  return revectorizedVariant(options.plan, start, diagnostics, options.compareKernels);
}
