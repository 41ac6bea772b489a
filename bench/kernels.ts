/**
 * Every family of kernels on chosen shapes, through the plan and the memory that a model has, one thread:
 * multiply-accumulates or bytes per second, the share of what the machine's vector units allow, median
 * and spread. Every answer is compared with `reference()` before it is timed; `*` marks what the plan
 * selects.
 *
 *     npm run bench -- [--family NAME]… [--shape SHAPE]… [--build TARGET] [--revectorize] [--brief]
 *                      [--output FILE]
 *
 *     --family NAME         matrix, depthwise, elementwise, pool, convert, move (default: all)
 *     --shape MxNxK         a matrix product: M rows, N columns, K deep
 *     --shape HxWxCxNkKsS   a convolution: image HxWxC, N filters KxK, stride S
 *     --build TARGET        a target of asconfig.json (default: release-relaxed where it runs)
 *     --revectorize         V8's 256-bit pairing of vectors (Node 24 or later)
 *     --brief               short runs, and few matrix products, of int8 only
 *     --output FILE         writes the results as JSON
 */
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import benny from "benny";
import { limitOf, measureLimits } from "../src/cli/machine-limits.ts";
import { hasRelaxedSimd } from "../src/wasm/index.ts";
import { findBuild } from "./kernels/build.ts";
import { type Candidate, candidatesOf } from "./kernels/candidates.ts";
import { benchCases, FAMILIES, type Family } from "./kernels/cases.ts";
import { beginReport, writeReport } from "./report.ts";

interface Row {
  readonly case: string;
  readonly kernel: string;
  readonly isSelected: boolean;
  readonly isRight: boolean;
  readonly medianMs: number;
  /** Median distance from the median, as a part of it: what others took out of a sample is left out. */
  readonly spread: number;
  readonly unit: "MAC" | "B";
  /** Units per second. */
  readonly rate: number;
  readonly boundShare: number;
}

const { values } = parseArgs({
  options: {
    family: { type: "string", multiple: true, default: [...FAMILIES] },
    shape: { type: "string", multiple: true },
    build: { type: "string", default: hasRelaxedSimd() ? "release-relaxed" : "release-plain" },
    revectorize: { type: "boolean", default: false },
    brief: { type: "boolean", default: false },
    output: { type: "string" },
  },
});
const families = values.family.map((name): Family => {
  const family = FAMILIES.find((known) => known === name);
  if (family === undefined) throw new Error(`expected a family of ${FAMILIES.join(", ")}`);
  return family;
});
const seconds = values.brief ? 0.15 : 1;
const head = beginReport("npm run bench --");
const limits = measureLimits();
// Read when a function is optimised: before the first run is early enough.
if (values.revectorize) setFlagsFromString("--experimental-wasm-revectorize");
const build = findBuild(values.build);
const rows: Row[] = [];
for (const benchCase of benchCases(families, values.shape, values.brief)) {
  rows.push(...(await measure(benchCase.name, await candidatesOf(benchCase, build))));
}
const { output, brief: isBrief } = values;
const settings = { build: values.build, dot: build.machine.dot, revectorized: values.revectorize };
if (output !== undefined)
  writeReport("kernels", head, { settings, limits, rows }, { output, isBrief });
if (rows.length === 0 || rows.some(({ isRight }) => !isRight)) process.exitCode = 1;

/** Runs until the optimising compiler has replaced the baseline code. */
async function warm({ run }: Candidate, timeMs: number): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const end = performance.now() + timeMs;
    while (performance.now() < end) run();
    await setTimeout(10);
  }
}

async function measure(name: string, candidates: readonly Candidate[]): Promise<Row[]> {
  for (const candidate of candidates) await warm(candidate, seconds * 200);
  // Short samples: their median leaves out what other processes took.
  const options = { minTime: 0.0005, maxTime: seconds, minSamples: 50 };
  const summary = await benny.suite(
    name,
    ...candidates.map(({ kernel, run }) => benny.add(kernel, run)),
    benny.configure({ cases: options }),
  );
  return summary.results.map(({ details }, i) => {
    const { kernel, macs, bytes, isSelected, isRight } = candidates[i]!;
    const rate = (macs > 0 ? macs : bytes) / details.median;
    const distances = details.sampleResults.map((sample) => Math.abs(sample - details.median));
    const row: Row = {
      case: name,
      kernel,
      isSelected,
      isRight,
      medianMs: details.median * 1e3,
      spread: distances.toSorted((a, b) => a - b)[distances.length >> 1]! / details.median,
      unit: macs > 0 ? "MAC" : "B",
      rate,
      boundShare: rate / limitOf(kernel, limits),
    };
    print(row);
    return row;
  });
}

function print({ case: name, kernel, rate, unit, ...row }: Row): void {
  const percent = (part: number) => `${(100 * part).toFixed(1).padStart(5)} %`;
  console.log(
    [
      name.padEnd(30),
      row.isSelected ? "*" : " ",
      kernel.padEnd(32),
      `${(rate / 1e9).toFixed(1).padStart(6)} G${unit}/s`.padEnd(13),
      `${percent(row.boundShare)} of bound`,
      `±${percent(row.spread)}`,
      `${row.medianMs.toFixed(4).padStart(9)} ms`,
      row.isRight ? "" : "WRONG",
    ].join(" "),
  );
}
