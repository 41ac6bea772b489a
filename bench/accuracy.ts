/**
 * Top-1 counts of the networks of ../shared on its data, beside those of TFLite
 * (../shared/golden/accuracy.json). Writes bench/results/accuracy-<time>.json.
 *
 *     node bench/accuracy.ts [--brief] [--only NAME]… [--limit N] [--rounding RULE] [--threads N]
 *     node bench/accuracy.ts --against litert [--only NAME]… [--limit N]
 *
 *     --brief            a few samples per network, nothing compared (bench/results/local)
 *     --only NAME        networks whose path contains NAME
 *     --limit N          samples per network, spread over the data (default: all)
 *     --against litert   TFLite itself, as LiteRT.js in Chromium, on the same samples; networks
 *                        that it cannot take are left out (bench/results/accuracy-litert-<time>.json)
 *
 * Exit code 1: a count is further from TFLite's than allowed, or there is none to compare with.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readDataset, type Sample } from "../src/cli/datasets/dataset.ts";
import { isCorrect } from "../src/cli/datasets/top1.ts";
import { textTable } from "../src/cli/terminal.ts";
import { capabilities } from "../src/index.ts";
import { sharedPath } from "../test/shared.ts";
import { type Comparison, LiteRt } from "./accuracy/against-litert.ts";
import { answers } from "./accuracy/answers.ts";
import { type DatasetName, type Network, NETWORKS } from "./accuracy/networks.ts";
import { beginReport, writeReport } from "./report.ts";
import { installedVersion } from "./rivals/harness/machine.ts";
import { litert as litertRival } from "./rivals/litert.ts";

const BRIEF_SAMPLES = 5;

const { values: options } = parseArgs({
  options: {
    against: { type: "string" },
    limit: { type: "string" },
    brief: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    rounding: { type: "string", default: "fp32" },
    threads: { type: "string", default: "1" },
    output: { type: "string" },
  },
});
const head = beginReport("node bench/accuracy.ts");
const where = { isBrief: options.brief, output: options.output };
const rounding = options.rounding === "tflite-reference" ? options.rounding : "fp32";
const threads = Number(options.threads);

interface Row extends Pick<Network, "model" | "dataset" | "allowed"> {
  readonly samples: number;
  readonly correct: number;
  /** TFLite's count; undefined where none is recorded. */
  readonly expected: number | undefined;
  readonly seconds: number;
}

const models = sharedPath("models");
const data = sharedPath("data");
const sets = new Map<DatasetName, Promise<Sample[]>>();
const limit = options.brief ? BRIEF_SAMPLES : Number(options.limit ?? Infinity);
const chosen = NETWORKS.filter(
  ({ model }) => options.only.length === 0 || options.only.some((wanted) => model.includes(wanted)),
);
if (options.against !== undefined && options.against !== "litert") {
  throw new RangeError(`--against: expected litert, got "${options.against}"`);
}
if (models === undefined || data === undefined) console.error("expected ../shared");
else if (options.against === "litert") await mainAgainstLitert(models, data);
else await main(models, data);

async function main(modelFolder: string, dataFolder: string): Promise<void> {
  const recorded = readRecorded();
  if (typeof recorded === "string") console.error(recorded);
  const rows: Row[] = [];
  for (const network of chosen) {
    const { model, dataset, allowed } = network;
    const samples = await samplesOf(dataFolder, dataset);
    const start = performance.now();
    const correct = await countCorrect(modelFolder, network, samples);
    const seconds = (performance.now() - start) / 1000;
    const expected = typeof recorded === "string" ? undefined : recorded.get(model);
    rows.push({ model, dataset, allowed, samples: samples.length, correct, expected, seconds });
    console.error(`${model}: ${correct} of ${samples.length} in ${seconds.toFixed(1)} s`);
  }
  console.log(printRows(rows));
  const content = {
    settings: { rounding, threads, relaxed: capabilities().relaxed },
    ...(typeof recorded === "string" ? { withoutRecorded: recorded } : {}),
    networks: rows.map(({ expected, ...row }) => ({ ...row, expected: expected ?? null })),
  };
  writeReport("accuracy", head, content, where);
  if (options.brief) return;
  const unknown = rows.filter(({ expected }) => expected === undefined);
  const far = rows.filter(({ expected, correct, allowed }) => {
    return expected !== undefined && Math.abs(correct - expected) > allowed;
  });
  console.log(
    `${rows.length - unknown.length - far.length} within the allowed difference, ${far.length} not, ` +
      `${unknown.length} without a count to compare with`,
  );
  if (far.length + unknown.length > 0) process.exitCode = 1;
}

function samplesOf(folder: string, dataset: DatasetName): Promise<Sample[]> {
  const set = sets.get(dataset) ?? readDataset(join(folder, dataset), limit);
  sets.set(dataset, set);
  return set;
}

async function mainAgainstLitert(modelFolder: string, dataFolder: string): Promise<void> {
  const litert = await LiteRt.start();
  const rows: (Pick<Network, "model" | "dataset" | "allowed"> & Comparison)[] = [];
  try {
    for (const network of chosen) {
      const { model, dataset, allowed } = network;
      const samples = await samplesOf(dataFolder, dataset);
      const comparison = await litert.compare(modelFolder, network, samples);
      console.error(`${model}: ${typeof comparison === "string" ? comparison : "compared"}`);
      if (typeof comparison !== "string") rows.push({ model, dataset, allowed, ...comparison });
    }
  } finally {
    await litert.close();
  }
  console.log(printComparisons(rows));
  const versions = {
    ...head.versions,
    litert: installedVersion(litertRival),
    chromium: litert.chromiumVersion,
  };
  const settings = { rounding: "fp32", threads: 1, relaxed: capabilities().relaxed };
  writeReport("accuracy-litert", { ...head, versions }, { settings, networks: rows }, where);
  if (
    rows.some(({ correct, theirCorrect, allowed }) => Math.abs(correct - theirCorrect) > allowed)
  ) {
    process.exitCode = 1;
  }
}

function printComparisons(rows: readonly (Pick<Network, "model"> & Comparison)[]): string {
  const cells = rows.map((row) => [
    row.model,
    ...[row.samples, row.correct, row.theirCorrect, row.sameTop1, row.values, row.different].map(
      String,
    ),
    row.isFloat ? row.largestDifference.toExponential(1) : String(row.largestDifference),
  ]);
  const head = [
    "network",
    "samples",
    "bitlane",
    "LiteRT",
    "same top-1",
    "values",
    "different",
    "by",
  ];
  return textTable(head, cells, ["left", ...head.slice(1).map(() => "right" as const)]);
}

/** TFLite's counts by model, or why there are none. */
function readRecorded(): ReadonlyMap<string, number> | string {
  const file = sharedPath("golden", "accuracy.json");
  if (file === undefined) return "no ../shared/golden/accuracy.json to compare with";
  const text = readFileSync(file, "utf8");
  try {
    const { counts } = JSON.parse(text) as {
      counts: Record<string, { top1_correct: number }>;
    };
    return new Map(Object.entries(counts).map(([model, entry]) => [model, entry.top1_correct]));
  } catch (error) {
    return `../shared/golden/accuracy.json (${text.length} characters): ${(error as Error).message}`;
  }
}

async function countCorrect(
  folder: string,
  network: Network,
  samples: readonly Sample[],
): Promise<number> {
  let correct = 0;
  for await (const { sample, output } of answers(folder, network, samples, { rounding, threads })) {
    if (isCorrect(output, sample.label)) correct++;
  }
  return correct;
}

function printRows(rows: readonly Row[]): string {
  const cells = rows.map(({ model, dataset, samples, correct, expected, allowed }) => [
    model,
    dataset,
    String(samples),
    String(correct),
    options.brief ? "" : String(expected ?? "none"),
    options.brief || expected === undefined ? "" : String(correct - expected),
    String(allowed),
  ]);
  const head = ["network", "data", "samples", "bitlane", "TFLite", "difference", "allowed"];
  const numbers = head.slice(2).map(() => "right" as const);
  return textTable(head, cells, ["left", "left", ...numbers]);
}
