/** What threads cost: a wake-up, a barrier, a claim of a tile, on chains of look-ups of no size. */
import { int8 } from "../../src/formats/index.ts";
import { createNode, inferGraph, type Value } from "../../src/graph/index.ts";
import { relu } from "../../src/operators/index.ts";
import { createPlan, type Plan } from "../../src/plan/index.ts";
import { perTensor } from "../../src/quantization/index.ts";
import { bindPlan, Runner } from "../../src/schedule/index.ts";
import { loadModules } from "../../src/wasm/index.ts";
import { median } from "../rivals/harness/statistics.ts";

/** A chain of look-ups of `bytes` bytes. `tiles`: more tiles than there is work for; they do nothing. */
function chainPlan(steps: number, bytes: number, tiles?: number): Plan {
  const type = { format: int8, shape: [1, bytes], quantization: perTensor(1, 0) };
  const values = Array.from({ length: steps + 1 }, (_, i): Value => ({ name: `v${i}`, type }));
  const nodes = Array.from({ length: steps }, (_, i) =>
    createNode(`relu${i}`, relu, {}, [i], [i + 1]),
  );
  const graph = inferGraph({
    name: "chain",
    values,
    nodes,
    inputs: [0],
    outputs: [steps],
    metadata: new Map(),
  });
  const plan = createPlan(graph, { rounding: "fp32", machine: { isa: "simd128" } });
  if (tiles === undefined) return plan;
  return {
    ...plan,
    steps: plan.steps.map((step) => (step.kind === "kernel" ? { ...step, tiles } : step)),
  };
}

async function start(plan: Plan, workers: number): Promise<Runner> {
  const modules = await loadModules(plan.modules, workers > 0);
  const binding = bindPlan(plan, modules, { workers, lanes: 1, maxMemoryBytes: 2 ** 28 });
  return Runner.start(binding, () => undefined, { minPoolMacs: 0 });
}

/** Median microseconds of one call. */
async function timeCall(call: () => void | Promise<void>, calls: number): Promise<number> {
  const samples: number[] = [];
  for (let i = 0; i < calls; i++) {
    const begin = performance.now();
    await call();
    samples.push((performance.now() - begin) * 1000);
  }
  return median(samples.slice(calls >> 2));
}

/** Microseconds by what they are spent on, printed as well. */
export async function measureCosts(
  threads: number,
  calls: number,
): Promise<Record<string, number>> {
  const both = async (plan: Plan) => {
    const alone = await start(plan, 0);
    const shared = await start(plan, threads);
    const times = {
      alone: await timeCall(() => alone.runSync(true), calls),
      sync: await timeCall(() => shared.runSync(true), calls),
      async: await timeCall(() => shared.run(), calls),
    };
    await shared.terminate();
    return times;
  };
  const one = await both(chainPlan(1, 64));
  const many = await both(chainPlan(201, 64));
  const tiled = await both(chainPlan(21, 64, 1000));
  const costs = {
    // An empty job, the owner working as well: what runSync adds, and run with its two wake-ups.
    "runSync of one step": one.sync - one.alone,
    "run of one step": one.async - one.alone,
    "step alone": (many.alone - one.alone) / 200,
    "barrier after a step, runSync": (many.sync - one.sync) / 200 - (many.alone - one.alone) / 200,
    "barrier after a step, run": (many.async - one.async) / 200 - (many.alone - one.alone) / 200,
    "tile alone": tiled.alone / 21_000,
    "claim of a tile": tiled.sync / 21_000 - tiled.alone / 21_000,
  };
  for (const [name, us] of Object.entries(costs)) {
    console.log(`${name.padEnd(32)} ${us.toFixed(3).padStart(9)} µs`);
  }
  return costs;
}
