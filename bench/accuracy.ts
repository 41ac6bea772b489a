/**
 * Top-1 counts of the networks of ../shared on its data, beside those of TFLite
 * (../shared/golden/accuracy.json). Writes bench/results/accuracy-<time>.json.
 *
 *     node bench/accuracy.ts [--brief] [--only NAME]… [--rounding RULE] [--threads N]
 *
 *     --brief       a few samples per network, nothing compared (bench/results/local)
 *     --only NAME   networks whose path contains NAME
 *
 * Exit code 1: a count is further from TFLite's than allowed, or there is none to compare with.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readDataset, type Sample } from "../src/cli/datasets/dataset.ts";
import { isCorrect, sampleToInput } from "../src/cli/datasets/top1.ts";
import { textTable } from "../src/cli/terminal.ts";
import { capabilities, load, planModel } from "../src/index.ts";
import { sharedPath } from "../test/shared.ts";
import { type DatasetName, type Network, NETWORKS } from "./accuracy/networks.ts";
import { bitlane } from "./rivals/bitlane.ts";
import { describeMachine, installedVersion } from "./rivals/harness/machine.ts";

const BRIEF_SAMPLES = 5;
const root = fileURLToPath(new URL("..", import.meta.url));

const { values: options } = parseArgs({
  options: {
    brief: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    rounding: { type: "string", default: "fp32" },
    threads: { type: "string", default: "1" },
  },
});
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
if (models !== undefined && data !== undefined) await main(models, data);

async function main(modelFolder: string, dataFolder: string): Promise<void> {
  const recorded = readRecorded();
  if (typeof recorded === "string") console.error(recorded);
  const chosen = NETWORKS.filter(
    ({ model }) =>
      options.only.length === 0 || options.only.some((wanted) => model.includes(wanted)),
  );
  const rows: Row[] = [];
  const sets = new Map<DatasetName, Sample[]>();
  for (const network of chosen) {
    const { model, dataset, allowed } = network;
    const limit = options.brief ? BRIEF_SAMPLES : Infinity;
    if (!sets.has(dataset)) sets.set(dataset, await readDataset(join(dataFolder, dataset), limit));
    const samples = sets.get(dataset)!;
    const start = performance.now();
    const correct = await countCorrect(modelFolder, network, samples);
    const seconds = (performance.now() - start) / 1000;
    const expected = typeof recorded === "string" ? undefined : recorded.get(model);
    rows.push({ model, dataset, allowed, samples: samples.length, correct, expected, seconds });
    console.error(`${model}: ${correct} of ${samples.length} in ${seconds.toFixed(1)} s`);
  }
  console.log(printRows(rows));
  writeReport(rows, typeof recorded === "string" ? recorded : undefined);
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
  const model = await load(join(folder, network.model), { rounding, threads });
  try {
    const input = model.inputs[0]!;
    const output = model.outputs[0]!;
    const features = await featureType(folder, network);
    let correct = 0;
    for (const sample of samples) {
      const data = sampleToInput(sample, input, network.floatPreset, features);
      const results = await model.run(data);
      if (isCorrect(results[output.name]!, sample.label)) correct++;
    }
    return correct;
  } finally {
    await model.dispose();
  }
}

/** Scale and zero point of the keyword features: those of the int8 network's input. */
async function featureType(folder: string, { dataset }: Network) {
  if (dataset !== "kws") return undefined;
  const { graph } = await planModel(join(folder, "mlperf-tiny/kws_int8.tflite"));
  const { scale, zeroPoint } = graph.values[graph.inputs[0]!]!.type.quantization!;
  return { scale: scale[0]!, zeroPoint: zeroPoint[0]! };
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

function writeReport(rows: readonly Row[], withoutRecorded: string | undefined): void {
  const time = new Date().toISOString();
  const folder = options.brief ? "bench/results/local" : "bench/results";
  const file = join(root, folder, `accuracy-${time.slice(0, 16).replace(":", "")}.json`);
  const report = {
    date: time,
    command: ["node bench/accuracy.ts", ...process.argv.slice(2)].join(" "),
    machine: describeMachine(),
    versions: {
      bitlane: installedVersion(bitlane),
      node: process.version,
      v8: process.versions.v8,
    },
    settings: { rounding, threads, relaxed: capabilities().relaxed },
    ...(withoutRecorded === undefined ? {} : { withoutRecorded }),
    networks: rows.map(({ expected, ...row }) => ({ ...row, expected: expected ?? null })),
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(report, undefined, 1)}\n`);
  console.log(`\nwritten to ${relative(root, file)}`);
}
