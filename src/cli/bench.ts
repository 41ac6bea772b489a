/** `bitlane bench`: the time of one inference. */
import { load, type Model, type TypedArray } from "../model/index.ts";
import { viewData, typeBytes } from "../tensor/index.ts";
import {
  type Arguments,
  type Command,
  JSON_OPTION,
  NO_DETERMINISTIC_OPTION,
  REVECTORIZE_OPTION,
  ROUNDING_OPTION,
  type Terminal,
  THREADS_OPTION,
} from "./command.ts";
import { readRequantization, REQUANTIZE_OPTIONS } from "./requantization.ts";
import { type LayerReport, printLayers, profileLayers } from "./layers.ts";
import { rawType } from "./tensor-file.ts";
import { withPrefix } from "./terminal.ts";

const DEFAULT_RUNS = 50;
/** Runs before the measured ones: the engine compiles the hot functions. */
const WARM_UP_RUNS = 5;

export interface BenchReport {
  readonly medianMs: number;
  readonly minMs: number;
  readonly p95Ms: number;
  readonly macs: number;
  readonly macsPerSecond: number;
  /** The first run after loading, not among the others. */
  readonly firstRunMs: number;
  readonly loadMs: number;
  readonly arenaBytes: number;
  readonly threads: number;
  readonly isa: "simd128" | "relaxed";
  /** With --layers. */
  readonly layers?: LayerReport;
}

export const bench: Command = {
  name: "bench",
  summary: "Measures load, first run and the following runs of a model on seeded input.",
  operands: "MODEL",
  options: [
    THREADS_OPTION,
    { name: "runs", value: "N", help: `measured runs (default ${DEFAULT_RUNS})` },
    { name: "layers", help: "a table of the layers, measured on one thread" },
    { name: "isa", value: "ISA", help: "simd128 or relaxed (default: relaxed where it is there)" },
    REVECTORIZE_OPTION,
    ...REQUANTIZE_OPTIONS,
    ROUNDING_OPTION,
    NO_DETERMINISTIC_OPTION,
    JSON_OPTION,
  ],

  async run(given: Arguments, terminal: Terminal): Promise<number> {
    const file = given.operand("MODEL");
    const threads = given.integer("threads", 1, 64);
    const runs = given.integer("runs", 1, 1_000_000) ?? DEFAULT_RUNS;
    const rounding = given.choice("rounding", ["fp32", "tflite-reference"]);
    const requantization = readRequantization(given);
    const isa = given.choice("isa", ["simd128", "relaxed"]);
    const start = performance.now();
    await using model = await load(file, {
      ...requantization,
      revectorize: given.flag("revectorize"),
      deterministic: !given.flag("no-deterministic"),
      ...(isa === undefined ? {} : { isa }),
      ...(threads === undefined ? {} : { threads }),
      ...(rounding === undefined ? {} : { rounding }),
    });
    const loadMs = performance.now() - start;
    for (const text of model.diagnostics) terminal.remark(text);
    const report = await measure(model, loadMs, runs, given.flag("layers"), terminal);
    terminal.progress(undefined);
    terminal.line(given.flag("json") ? JSON.stringify(report) : printReport(report));
    return 0;
  },
};

async function measure(
  model: Model,
  loadMs: number,
  runs: number,
  withLayers: boolean,
  terminal: Terminal,
): Promise<BenchReport> {
  const feeds = seededFeeds(model);
  const once = async () => {
    const start = performance.now();
    await model.run(feeds);
    return performance.now() - start;
  };
  const firstRunMs = await once();
  for (let i = 0; i < WARM_UP_RUNS; i++) await once();
  const times: number[] = [];
  for (let i = 0; i < runs; i++) {
    // Writing to the terminal takes longer than a small network.
    if (i % Math.ceil(runs / 20) === 0) terminal.progress(`run ${i} of ${runs}`);
    times.push(await once());
  }
  const macs = model.plan.steps.reduce((sum, step) => sum + step.macs, 0);
  const medianMs = quantile(times, 0.5);
  return {
    medianMs,
    minMs: quantile(times, 0),
    p95Ms: quantile(times, 0.95),
    macs,
    macsPerSecond: macs / (medianMs / 1000),
    firstRunMs,
    loadMs,
    arenaBytes: model.memory().arenaBytes,
    threads: model.threads,
    isa: model.isa,
    ...(withLayers ? { layers: await profileLayers(model, feeds) } : {}),
  };
}

/** The smallest element that at least the fraction `q` of all elements does not exceed. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;
}

/** The same pseudo-random codes on every machine; float inputs in [−1, 1). */
function seededFeeds(model: Model): Record<string, TypedArray> {
  let state = 1;
  // Numerical Recipes' linear congruential generator; its high byte.
  const nextByte = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  };
  return Object.fromEntries(
    model.inputs.map(({ name, dtype, shape }) => {
      const type = rawType(dtype, shape);
      const data = viewData(type, new ArrayBuffer(typeBytes(type)), 0);
      for (let i = 0; i < data.length; i++) {
        const byte = nextByte();
        if (data instanceof Float32Array) data[i] = byte / 128 - 1;
        else if (data instanceof BigInt64Array) data[i] = BigInt(byte & 1);
        else data[i] = data.BYTES_PER_ELEMENT === 1 ? byte : byte & 1;
      }
      return [name, data];
    }),
  );
}

function printReport(report: BenchReport): string {
  const ms = (time: number) => `${time.toFixed(3)} ms`;
  const { medianMs, minMs, p95Ms, macs, macsPerSecond, firstRunMs, loadMs, arenaBytes } = report;
  const lines = [
    `median     ${ms(medianMs)}, minimum ${ms(minMs)}, 95th percentile ${ms(p95Ms)}`,
    `work       ${withPrefix(macs)} MACs, ${withPrefix(macsPerSecond)} MAC/s`,
    `first run  ${ms(firstRunMs)}, load ${ms(loadMs)}`,
    `arena      ${arenaBytes} bytes`,
    `host       ${report.threads} thread(s), ${report.isa}`,
  ];
  if (report.layers !== undefined) lines.push("", printLayers(report.layers));
  return lines.join("\n");
}
