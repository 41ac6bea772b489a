/** The machines that plans are made for, the schemes of bits, and the clock. */
import { createPlan, type Machine, type Plan } from "../../src/plan/index.ts";
import type { Graph } from "../../src/graph/index.ts";
import { type Binding, bindPlan, Runner } from "../../src/schedule/index.ts";
import { loadModules, relaxedDotClass, setRevectorization } from "../../src/wasm/index.ts";
import type { ActivationName } from "../../test/kernels/low-bit-problem.ts";
import { loadBuilt } from "../../test/kernels/runner.ts";

/** This machine, and the same with facts denied, by the mark that the tables use. */
export const MACHINES = {
  "*": { name: "this machine", machine: { isa: "relaxed", dot: relaxedDotClass() } },
  "+": { name: "without the dot", machine: { isa: "relaxed", dot: "saturating" } },
  "-": { name: "without relaxed SIMD", machine: { isa: "simd128", dot: "none" } },
} as const satisfies Readonly<Record<string, { name: string; machine: Machine }>>;
export type Mark = keyof typeof MACHINES;
export const MARKS = Object.keys(MACHINES) as readonly Mark[];

interface Scheme {
  readonly weights: "int8" | "int4" | "int2" | "ternary" | "binary";
  /** What a layer alone reads, its own narrowing in front. */
  readonly layer: ActivationName;
  /** What the re-quantized layers of a network read. */
  readonly network: "uint8" | "uint4" | "uint2" | "uint1";
  /** Input channels that share a scale; absent: all of a filter. */
  readonly blockSize?: number;
}

const row = (
  weights: Scheme["weights"],
  network: Scheme["network"],
  layer: ActivationName,
  blockSize?: number,
): Scheme => ({ weights, network, layer, ...(blockSize && { blockSize }) });

export const SCHEMES: Readonly<Record<string, Scheme>> = {
  W8A8: row("int8", "uint8", "int8"),
  W4A8: row("int4", "uint8", "int8"),
  W4g64A8: row("int4", "uint8", "int8", 64),
  W4g32A8: row("int4", "uint8", "int8", 32),
  W2g64A8: row("int2", "uint8", "int8", 64),
  W2A8: row("int2", "uint8", "int8"),
  WtA8: row("ternary", "uint8", "int8"),
  W1A8: row("binary", "uint8", "int8"),
  W8A4: row("int8", "uint4", "int8>uint4"),
  W4A4: row("int4", "uint4", "int8>uint4"),
  W2A4: row("int2", "uint4", "int8>uint4"),
  WtA4: row("ternary", "uint4", "int8>uint4"),
  W1A4: row("binary", "uint4", "int8>uint4"),
  W4A2: row("int4", "uint2", "int8>uint2"),
  W2A2: row("int2", "uint2", "int8>uint2"),
  W1A2: row("binary", "uint2", "int8>uint2"),
  W1A1: row("binary", "uint1", "uint8>uint1"),
};

/** @throws RangeError for a scheme that is not in the list */
export function findScheme(name: string): Scheme {
  const scheme = SCHEMES[name];
  if (scheme !== undefined) return scheme;
  throw new RangeError(
    `--scheme: expected one of ${Object.keys(SCHEMES).join(", ")}, got "${name}"`,
  );
}

export function planFor(graph: Graph, machine: Machine, forced?: string): Plan {
  return createPlan(graph, { rounding: "fp32", machine, ...(forced && { forced }) });
}

export function bind(plan: Plan): Binding {
  const modules = loadBuilt(plan, "release");
  return bindPlan(plan, modules, { workers: 0, lanes: 1, maxMemoryBytes: 2 ** 31 });
}

/** Least milliseconds of the runs that fit into `ms`. */
export async function leastTime(binding: Binding, ms: number): Promise<number> {
  return (await leastTimes([binding], ms))[0]!;
}

/** Runs of one binding before it is another's turn. */
const TURN = 5;

/** The same of several bindings that run in turn, `ms` for each. */
export async function leastTimes(bindings: readonly Binding[], ms: number): Promise<number[]> {
  const runners = await Promise.all(
    bindings.map((binding) => Runner.start(binding, () => undefined)),
  );
  const least = runners.map(() => Infinity);
  for (const end = performance.now() + ms * runners.length; performance.now() < end;) {
    runners.forEach((runner, i) => {
      for (let run = 0; run < TURN; run++) {
        const start = performance.now();
        runner.runSync(false);
        least[i] = Math.min(least[i]!, performance.now() - start);
      }
    });
  }
  for (const runner of runners) await runner.terminate();
  return least;
}

/** Time in which the engine replaces the baseline code of a layer. */
export const LAYER_HOT_MS = 150;

/** A binding on code that the engine optimises with its pass that pairs vectors; it is hot. */
export async function bindRevectorized(plan: Plan, hotMs: number): Promise<Binding> {
  const modules = await loadModules(plan.modules, false, "revectorized");
  const binding = bindPlan(plan, modules, { workers: 0, lanes: 1, maxMemoryBytes: 2 ** 31 });
  setRevectorization(true);
  await leastTime(binding, hotMs);
  setRevectorization(false);
  return binding;
}
