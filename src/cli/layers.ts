/** `bitlane bench --layers`: where the time of an inference on one thread goes. */
import type { Model, StepInfo, TypedArray } from "../model/index.ts";
import { limitOf, type MachineLimits, measureLimits } from "./machine-limits.ts";
import { textTable, withPrefix } from "./terminal.ts";

/** Profiles are taken for this long, and a few at least. */
const PROFILE_MS = 1000;
const LEAST_PROFILES = 6;
/** Time before that in which the engine optimises what a run calls. */
const WARM_UP_MS = 300;
/** Times come from the faster half of the runs: other processes took their share of the others. */
const QUIET = 0.5;
const CLOCK_CALLS = 10_000;

/** Each time is the mean over the same runs, so that the parts add up to the whole. */
export interface LayerReport {
  readonly rows: readonly LayerRow[];
  /** Checking and writing the inputs, copying the outputs out. */
  readonly inputMs: number;
  readonly outputMs: number;
  /** What is left of a call: its promise, and the way to the caller and back. */
  readonly callMs: number;
  /** The sum of the parts above: from the caller's call to its answer. */
  readonly wholeMs: number;
  /** All but `callMs`, as a part of `wholeMs`. */
  readonly attributed: number;
  /** One look at the clock; it is taken out of every part. */
  readonly clockMs: number;
  /** A run that does not look at the clock, where it takes one thread: what `wholeMs` is held to. */
  readonly plainMs?: number;
  readonly limits: MachineLimits;
}

export interface LayerRow extends StepInfo {
  readonly timeMs: number;
  /** Of the speed that the kernel's instructions allow on this machine; by bytes without MACs. */
  readonly boundShare: number;
}

export async function profileLayers(
  model: Model,
  feeds: Record<string, TypedArray>,
): Promise<LayerReport> {
  const steps = model.steps();
  const plain: number[] = [];
  const profiles: Float64Array[] = [];
  const clockMs = clockCost();
  const once = async () => {
    const start = performance.now();
    await model.run(feeds);
    const middle = performance.now();
    const { marks } = await model.profile(feeds);
    const end = performance.now();
    plain.push(middle - start - clockMs);
    profiles.push(partsOf(middle, marks, end, clockMs));
  };
  const warm = performance.now() + WARM_UP_MS;
  while (performance.now() < warm) await once();
  plain.length = 0;
  profiles.length = 0;
  const end = performance.now() + PROFILE_MS;
  while (profiles.length < LEAST_PROFILES || performance.now() < end) await once();

  const limits = measureLimits();
  const parts = meanOfQuiet(profiles);
  const [wholeMs, callMs, inputMs] = parts as unknown as [number, number, number];
  const outputMs = parts[steps.length + 3]!;
  const rows = steps.map((step, i): LayerRow => {
    const timeMs = parts[i + 3]!;
    const isKernel = step.kernel !== "reference";
    const work = step.macs > 0 ? step.macs : step.bytes;
    const limit = step.macs > 0 ? limitOf(step.kernel, limits) : limits.copy;
    return { ...step, timeMs, boundShare: isKernel ? work / (timeMs / 1000) / limit : 0 };
  });
  return {
    rows,
    inputMs,
    outputMs,
    callMs,
    wholeMs,
    attributed: 1 - callMs / wholeMs,
    clockMs,
    ...(model.threads > 1 ? {} : { plainMs: meanOfQuiet(plain.map((ms) => [ms]))[0]! }),
    limits,
  };
}

/** The whole, the call, the inputs, each step, the outputs. Between two looks at the clock lies one. */
function partsOf(
  start: number,
  marks: readonly number[],
  end: number,
  clockMs: number,
): Float64Array<ArrayBuffer> {
  const parts = new Float64Array(marks.length + 1);
  const first = marks[0]!;
  const last = marks[marks.length - 1]!;
  parts[0] = end - start - (marks.length + 1) * clockMs;
  parts[1] = first - start + (end - last) - 2 * clockMs;
  for (let i = 1; i < marks.length; i++) parts[i + 1] = marks[i]! - marks[i - 1]! - clockMs;
  return parts;
}

/** Means of every part over the runs whose first part is least. */
function meanOfQuiet(runs: readonly ArrayLike<number>[]): number[] {
  const quiet = runs
    .toSorted((a, b) => a[0]! - b[0]!)
    .slice(0, Math.max(1, Math.floor(QUIET * runs.length)));
  return Array.from(
    quiet[0]!,
    (_, i) => quiet.reduce((sum, run) => sum + run[i]!, 0) / quiet.length,
  );
}

/** Milliseconds of one look at the clock. */
function clockCost(): number {
  let least = Infinity;
  for (let round = 0; round < 10; round++) {
    const start = performance.now();
    for (let i = 1; i < CLOCK_CALLS; i++) performance.now();
    least = Math.min(least, (performance.now() - start) / CLOCK_CALLS);
  }
  return least;
}

export function printLayers(report: LayerReport): string {
  const { rows, wholeMs, clockMs, plainMs, limits } = report;
  const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
  const ms = (time: number) => time.toFixed(wholeMs < 1 ? 5 : 3);
  const part = (name: string, timeMs: number) => [
    ...["", name, ""],
    ms(timeMs),
    percent(timeMs / wholeMs),
  ];
  const layers = rows.map(({ label, kernel, timeMs, macs, bytes, tiles, boundShare }, i) => [
    String(i),
    label,
    kernel,
    ms(timeMs),
    percent(timeMs / wholeMs),
    withPrefix(macs),
    macs === 0 ? `${withPrefix(bytes / (timeMs / 1000))}B/s` : withPrefix(macs / (timeMs / 1000)),
    boundShare === 0 ? "" : percent(boundShare),
    String(tiles),
  ]);
  const head = ["node", "operator", "kernel", "ms", "share", "MACs", "MAC/s", "of bound", "tiles"];
  const align = head.map((_, i) => (i === 1 || i === 2 ? "left" : "right"));
  const table = [
    part("(inputs checked, written)", report.inputMs),
    ...layers,
    part("(outputs copied)", report.outputMs),
    part("(call and promise)", report.callMs),
  ].map((row) => head.map((_, i) => row[i] ?? ""));
  const { dot, multiply, float, copy } = limits;
  const inLayers = rows.reduce((sum, { timeMs }) => sum + timeMs, 0);
  return [
    textTable(head, table, align),
    `${ms(wholeMs)} ms in all, on one thread; ${percent(inLayers / wholeMs)} of it in these layers, ${percent(report.attributed)} with inputs and outputs`,
    `taken out: ${rows.length + 4} looks at the clock of ${(clockMs * 1e6).toFixed(0)} ns each${plainMs === undefined ? "" : `; runs without them, in between, took ${ms(plainMs)} ms`}`,
    `bounds: MAC/s of relaxed dots ${withPrefix(16 * dot)}, of int16 dots ${withPrefix(8 * multiply)} (four times that by Winograd), of float32 ${withPrefix(4 * float)}; a copy's ${withPrefix(copy)}B/s`,
  ].join("\n");
}
