/**
 * What threads cost and what they give: wake-up, barrier and claim in microseconds, then networks on one
 * and on several threads in turns.
 *
 *     node bench/threads.ts [--threads N] [--rounds N] [--brief] [--output FILE] [MODEL…]
 *
 *     MODEL       TFLite files (default: the digits network of the package)
 *     --threads   threads of one inference beside one (default 2)
 *     --rounds    turns of every way (default 15)
 *     --brief     short turns
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { int8 } from "../src/formats/index.ts";
import { createNode, inferGraph, type Value } from "../src/graph/index.ts";
import { load, type Model, type TypedArray } from "../src/model/index.ts";
import { relu } from "../src/operators/index.ts";
import { createPlan, type Plan } from "../src/plan/index.ts";
import { perTensor } from "../src/quantization/index.ts";
import { bindPlan, Runner } from "../src/schedule/index.ts";
import { typeBytes, viewData } from "../src/tensor/index.ts";
import { loadModules } from "../src/wasm/index.ts";
import { describeMachine } from "./rivals/harness/machine.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "2" },
    rounds: { type: "string" },
    brief: { type: "boolean", default: false },
    output: { type: "string" },
  },
});
const threads = Number(values.threads);
const rounds = Number(values.rounds ?? (values.brief ? 3 : 15));
/** Milliseconds of one way in one round. */
const turnMs = values.brief ? 20 : 60;
const models =
  positionals.length > 0
    ? positionals
    : [fileURLToPath(new URL("../models/digits_int8.tflite", import.meta.url))];

const machine = describeMachine();
const costs = await measureCosts();
const networks: NetworkTimes[] = [];
for (const model of models) networks.push(await measureNetwork(model));
if (values.output !== undefined) {
  const report = {
    date: new Date().toISOString(),
    command: ["node bench/threads.ts", ...process.argv.slice(2)].join(" "),
    machine,
    versions: { node: process.version },
    threads,
    costs,
    networks,
  };
  mkdirSync(dirname(values.output), { recursive: true });
  writeFileSync(values.output, `${JSON.stringify(report, undefined, 1)}\n`);
}

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1]!;
}

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
async function timeCall(call: () => void | Promise<void>, calls = 400): Promise<number> {
  const samples: number[] = [];
  for (let i = 0; i < calls; i++) {
    const begin = performance.now();
    await call();
    samples.push((performance.now() - begin) * 1000);
  }
  return median(samples.slice(calls >> 2));
}

async function measureCosts(): Promise<Record<string, number>> {
  const calls = values.brief ? 80 : 600;
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

interface NetworkTimes {
  readonly network: string;
  /** Milliseconds per inference: medians over the rounds. */
  readonly oneMs: number;
  readonly runMs: number;
  readonly runSyncMs: number;
  readonly runBatchMs: number;
  /** Medians of the ratios within a round: how many times as fast as one thread. */
  readonly run: number;
  readonly runSync: number;
  readonly runBatch: number;
}

async function measureNetwork(file: string): Promise<NetworkTimes> {
  const bytes = new Uint8Array(readFileSync(file));
  await using alone = await load(bytes, { threads: 1 });
  await using shared = await load(bytes, { threads });
  const x = input(alone);
  const batch = Array.from({ length: 4 * threads }, () => x);
  const ways = [
    async () => void (await alone.run(x)),
    async () => void (await shared.run(x)),
    async () => void shared.runSync(x),
    async () => void (await shared.runBatch(batch)),
  ];
  const perCall = [1, 1, 1, batch.length];
  for (const way of ways) await turn(way);
  const times = ways.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, way] of ways.entries()) times[i]!.push((await turn(way)) / perCall[i]!);
  }
  const ratio = (i: number) => median(times[i]!.map((time, round) => times[0]![round]! / time));
  const result = {
    network: basename(file),
    oneMs: median(times[0]!),
    runMs: median(times[1]!),
    runSyncMs: median(times[2]!),
    runBatchMs: median(times[3]!),
    run: ratio(1),
    runSync: ratio(2),
    runBatch: ratio(3),
  };
  console.log(
    [
      result.network.padEnd(40),
      `${result.oneMs.toFixed(3).padStart(8)} ms`,
      ...(["run", "runSync", "runBatch"] as const).map((way) => `${way} ${result[way].toFixed(2)}`),
    ].join("  "),
  );
  return result;
}

/** Median milliseconds of a call within one turn. */
async function turn(call: () => Promise<void>): Promise<number> {
  const samples: number[] = [];
  const end = performance.now() + turnMs;
  do {
    const begin = performance.now();
    await call();
    samples.push(performance.now() - begin);
  } while (performance.now() < end);
  return median(samples);
}

function input(model: Model): TypedArray {
  const { graph } = model;
  const { type } = graph.values[graph.inputs[0]!]!;
  const data = viewData(type, new ArrayBuffer(typeBytes(type)), 0);
  for (let i = 0; i < data.length; i++) data[i] = (i * 37) & 127;
  return data;
}
