/**
 * Products whose int16 sums cannot saturate (`src/kernels/split.ts`) beside pairs of int16, as on a machine without
 * the one-instruction dot, one thread: what of the weights is read again, and whole networks in turn, in CPU time of
 * the thread, which other processes disturb least.
 *
 *     node bench/split-weights.ts [--model FILE]… [--time MS] [--brief] [--output FILE]
 *
 *     --model FILE   TFLite files (default: networks of ../shared; with --brief the digits)
 *     --time MS      of measuring each of the two plans of a network (default 3000)
 *     --brief        short
 *     --output FILE  where the JSON goes (default: a dated file in bench/results)
 */
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Graph, simplify } from "../src/graph/index.ts";
import { countAgain, splitUnits } from "../src/kernels/index.ts";
import { readGraph } from "../src/model/index.ts";
import { compactWeights, weightChannels } from "../src/operators/index.ts";
import { createPlan, loadLowerings, type Machine, type Plan } from "../src/plan/index.ts";
import { elementCount } from "../src/tensor/index.ts";
import { sharedPath } from "../test/shared.ts";
import { type Binding, Runner } from "../src/schedule/index.ts";
import { bind } from "./low-bit/machines.ts";
import { beginReport, writeReport } from "./report.ts";

const PANEL_COLUMNS = 8;
/** One plan's turn: the system counts CPU time in steps of some milliseconds. */
const TURN_MS = 200;
/** The same machine, with the int16 dot and without it. */
const SPLIT: Machine = { isa: "relaxed", dot: "saturating", threads: 1 };
const PAIRS: Machine = { isa: "relaxed", dot: "none", threads: 1 };

const DEFAULT_MODELS = [
  "imagenet/mobilenet_v2_uint8_pertensor",
  "imagenet/mobilenet_v1_0.25_128_uint8",
  "tasks/deeplab_v3_uint8",
  "imagenet/mobilenet_v2_int8_perchannel",
  "speed/mobilenet_v1_int8",
  "speed/resnet50_int8",
];

export interface SplitRow {
  readonly network: string;
  /** Units of 8 columns and 4 values of depth that would be read again, of all, weighted by their work. */
  readonly again: number;
  /** Layers on the kernels of split weights, and their part of the network's multiply-accumulates. */
  readonly layers: number;
  readonly work: number;
  readonly pairsMs: number;
  readonly splitMs: number;
  readonly pairsBytes: number;
  readonly splitBytes: number;
}

const { values } = parseArgs({
  options: {
    model: { type: "string", multiple: true },
    time: { type: "string" },
    brief: { type: "boolean", default: false },
    output: { type: "string" },
  },
});
const isBrief = values.brief;
const ms = Number(values.time ?? (isBrief ? 20 : 3000));

const head = beginReport("node bench/split-weights.ts");
const rows: SplitRow[] = [];
for (const file of values.model ?? (isBrief ? [digits()] : DEFAULT_MODELS.map(shared))) {
  const row = await measure(file);
  rows.push(row);
  console.log(
    `${row.network.padEnd(32)} ${percent(row.again)} read again, ${row.layers} layers, ${percent(row.work)} of the work: ` +
      `${row.pairsMs.toFixed(3)} → ${row.splitMs.toFixed(3)} ms, ${(row.pairsMs / row.splitMs).toFixed(2)} times as fast`,
  );
}
writeReport("split-weights", head, { rows }, { isBrief, output: values.output });

async function measure(file: string): Promise<SplitRow> {
  const graph = simplify(await readGraph(file), "fp32");
  const lowerings = await loadLowerings(graph);
  const [pairs, split] = [PAIRS, SPLIT].map((machine) =>
    createPlan(graph, { rounding: "fp32", machine, lowerings }),
  ) as [Plan, Plan];
  const steps = split.steps.filter((step) => step.kind === "kernel" && /_s8_/.test(step.kernel));
  const macs = (of: readonly { macs: number }[]) => of.reduce((sum, step) => sum + step.macs, 0);
  const [pairsMs, splitMs] = await meanCpuTimes([bind(pairs), bind(split)]);
  return {
    network: basename(file, ".tflite"),
    again: unitsAgain(graph),
    layers: steps.length,
    work: macs(steps) / macs(split.steps),
    pairsMs: pairsMs!,
    splitMs: splitMs!,
    pairsBytes: pairs.constantBytes,
    splitBytes: split.constantBytes,
  };
}

/** Mean milliseconds of a run of each. */
async function meanCpuTimes(bindings: readonly Binding[]): Promise<number[]> {
  const runners = await Promise.all(
    bindings.map((binding) => Runner.start(binding, () => undefined)),
  );
  const totals = runners.map(() => ({ ms: 0, runs: 0 }));
  for (const runner of runners) turn(runner);
  for (const end = performance.now() + ms * runners.length; performance.now() < end;) {
    runners.forEach((runner, i) => {
      const start = threadMs();
      totals[i]!.runs += turn(runner);
      totals[i]!.ms += threadMs() - start;
    });
  }
  return totals.map((total) => total.ms / total.runs);
}

function turn(runner: Runner): number {
  let runs = 0;
  for (const end = performance.now() + TURN_MS; performance.now() < end; runs++) {
    runner.runSync(false);
  }
  return runs;
}

function threadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1e3;
}

function unitsAgain({ nodes, values: all }: Graph): number {
  let again = 0;
  let work = 0;
  for (const { operator, inputs, outputs } of nodes) {
    if (operator.name !== "Conv2D" && operator.name !== "FullyConnected") continue;
    const w = all[inputs[1]!]!.constant;
    if (w === undefined || w.type.format.bits !== 8) continue;
    const columns = w.type.shape[0]!;
    const depth = elementCount(w.type.shape) / columns;
    const codes = compactWeights(w, weightChannels(w.type, columns).zeroPoints, depth);
    const units = splitUnits(depth) * Math.ceil(columns / PANEL_COLUMNS);
    const macs = elementCount(all[outputs[0]!]!.type.shape) * depth;
    again += (countAgain(codes, columns, depth, Infinity)!.all / units) * macs;
    work += macs;
  }
  return again / work;
}

function percent(part: number): string {
  return `${(100 * part).toFixed(0)} %`;
}

function digits(): string {
  return fileURLToPath(new URL("../models/digits_int8.tflite", import.meta.url));
}

function shared(name: string): string {
  const folder = sharedPath("models");
  if (folder === undefined) throw new Error("expected ../shared");
  return `${folder}/${name}.tflite`;
}
