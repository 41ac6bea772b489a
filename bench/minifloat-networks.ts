/**
 * Networks in minifloats: top-1 on ../shared/data, time and bytes by scheme, beside the file itself.
 *
 *     node bench/minifloat-networks.ts [--only NAME]… [--scheme NAME]… [--accumulate] [--limit N] [--runs N]
 *                                      [--brief] [--output FILE]
 *
 *     --only NAME   networks whose path contains NAME
 *     --scheme NAME schemes whose name contains NAME
 *     --accumulate  emulated accumulators under E4M3, in place of formats
 *     --limit N     samples of a network, spread over the data (default 1000)
 *     --runs N      timed runs of each scheme, in turn (default 15; 0: no times)
 *     --brief       a few samples of one network
 *     --output FILE where the JSON goes (default: a dated file in bench/results)
 *
 * Ranges and means come from 16 of the samples, without their labels; where no ranges are needed or the file
 * has them, also top-1 without samples (not of accumulators).
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { labelledQuestions, type Question } from "../src/cli/questions.ts";
import { textTable } from "../src/cli/terminal.ts";
import {
  type AccumulateOptions,
  type BlockFormatName,
  capabilities,
  load,
  type LoadOptions,
  type MinifloatName,
  type Model,
} from "../src/index.ts";
import { sharedPath } from "../test/shared.ts";
import { beginReport, writeReport } from "./report.ts";
import { type Network, NETWORKS } from "./accuracy/networks.ts";

const BRIEF_SAMPLES = 4;

const { values: options } = parseArgs({
  options: {
    only: { type: "string", multiple: true, default: [] },
    scheme: { type: "string", multiple: true, default: [] },
    accumulate: { type: "boolean", default: false },
    limit: { type: "string", default: "1000" },
    runs: { type: "string", default: "15" },
    brief: { type: "boolean", default: false },
    output: { type: "string" },
  },
});
const isBrief = options.brief;
const limit = isBrief ? BRIEF_SAMPLES : Number(options.limit);
const runs = isBrief ? 1 : Number(options.runs);

const BENCHED = [
  "imagenet/squeezenet_1.0_227_float",
  "imagenet/squeezenet_1.0_227_int8",
  "imagenet/mobilenet_v2_int8_perchannel",
  "mlperf-tiny/resnet8_float",
  "mlperf-tiny/resnet8_int8",
];

interface Scheme {
  readonly name: string;
  readonly weights: MinifloatName | BlockFormatName;
  readonly activations: MinifloatName | BlockFormatName | "float32";
  readonly accumulate?: AccumulateOptions;
}

const both = (format: MinifloatName | BlockFormatName, name: string = format): Scheme => {
  return { name, weights: format, activations: format };
};
const SCHEMES: readonly Scheme[] = [
  both("float8_e4m3fn"),
  both("float8_e3m4"),
  both("float8_e5m2"),
  both("hfp8_e4m3", "hfp8"),
  both("hfp8_e5m2"),
  both("float6_e2m3fn"),
  both("float6_e3m2fn"),
  both("float4_e2m1fn"),
  { name: "float8_e4m3fn/float32", weights: "float8_e4m3fn", activations: "float32" },
  { name: "float4_e2m1fn/float8_e4m3fn", weights: "float4_e2m1fn", activations: "float8_e4m3fn" },
  both("mxfp8_e4m3"),
  both("mxfp8_e5m2"),
  both("mxfp6_e2m3"),
  both("mxfp6_e3m2"),
  both("mxfp4"),
  both("mxint8"),
  { name: "mxfp8_e4m3/float32", weights: "mxfp8_e4m3", activations: "float32" },
  { name: "mxfp4/mxfp8_e4m3", weights: "mxfp4", activations: "mxfp8_e4m3" },
];

/** No sum of ResNet-8 has more products than that. */
const ONE_CHUNK = 1024;
const ACCUMULATORS: readonly Scheme[] = [
  both("float8_e4m3fn"),
  ...(["fp16_e6m9", "float16", "bfloat16", "float8_e5m2", "float8_e4m3fn"] as const).flatMap(
    (format) =>
      (["nearest", "stochastic"] as const).flatMap((rounding) =>
        [ONE_CHUNK, 64, 16].map((chunk) => ({
          ...both("float8_e4m3fn", `float8_e4m3fn@${format}/${chunk}/${rounding}`),
          accumulate: { format, chunk, rounding, seed: 7 },
        })),
      ),
  ),
];

const CALIBRATION_SAMPLES = 16;
const WARM_UP_RUNS = 4;

export interface MinifloatRow {
  readonly model: string;
  readonly scheme: string;
  readonly samples: number;
  readonly correct: number;
  /** Right here and wrong in the file's network, and the other way round. */
  readonly gained: number;
  readonly lost: number;
  /** Right answers without samples; null for the file, and where ranges are needed that it has not. */
  readonly correctBySelf: number | null;
  readonly medianMs: number | null;
  readonly leastMs: number | null;
  readonly weightBytes: number;
}

const models = sharedPath("models");
const data = sharedPath("data");
if (models === undefined || data === undefined) console.error("expected ../shared");
else {
  const head = beginReport("node bench/minifloat-networks.ts");
  const rows: MinifloatRow[] = [];
  const only = isBrief ? ["resnet8_int8"] : options.only;
  const chosen = NETWORKS.filter(
    ({ model }) =>
      BENCHED.includes(model.replace(".tflite", "")) &&
      (only.length === 0 || only.some((name) => model.includes(name))),
  );
  for (const network of chosen) rows.push(...(await measure(network, models, data)));
  console.log(printRows(rows));
  const { relaxed } = capabilities();
  const settings = { threads: 1, calibrationSamples: CALIBRATION_SAMPLES, relaxed };
  const content = { settings, networks: rows };
  writeReport("minifloat-networks", head, content, { isBrief, output: options.output });
}

async function measure(
  { model, dataset, floatPreset }: Network,
  modelFolder: string,
  dataFolder: string,
): Promise<MinifloatRow[]> {
  const file = join(modelFolder, model);
  const base = await load(file, { threads: 1 });
  const questions = await labelledQuestions(join(dataFolder, dataset), base, floatPreset, limit);
  const step = Math.ceil(questions.length / CALIBRATION_SAMPLES);
  const samples = questions.filter((_, i) => i % step === 0).map(({ input }) => input);
  const isFloat = base.inputs[0]!.dtype === "float32";
  const loaded: [string, Model][] = [["file", base]];
  const bySelf: (number | null)[] = [null];
  const chosenSchemes = (options.accumulate ? ACCUMULATORS : SCHEMES).filter(
    ({ name }) => options.scheme.length === 0 || options.scheme.some((part) => name.includes(part)),
  );
  for (const { name, weights, activations, accumulate } of chosenSchemes) {
    const asked: LoadOptions = { threads: 1, weights, activations, accumulate };
    const needsRanges = activations !== "float32" && !activations.startsWith("mx");
    bySelf.push(
      (isFloat && needsRanges) || accumulate !== undefined
        ? null
        : countRight(await answersOf(await load(file, asked), questions, true)),
    );
    loaded.push([name, await load(file, { ...asked, calibrate: samples })]);
  }
  const rows: MinifloatRow[] = [];
  const answers: boolean[][] = [];
  for (const [k, [name, own]] of loaded.entries()) {
    const right = await answersOf(own, questions);
    answers.push(right);
    const rest = bySelf[k] === null ? "" : `, without samples ${bySelf[k]}`;
    console.error(`${model} ${name}: ${countRight(right)} of ${questions.length}${rest}`);
  }
  const times = loaded.map((): number[] => []);
  for (let i = -WARM_UP_RUNS; i < runs; i++) {
    for (const [k, [, own]] of loaded.entries()) {
      const start = performance.now();
      await own.run(questions[0]!.input);
      if (i >= 0) times[k]!.push(performance.now() - start);
    }
  }
  for (const [k, [scheme, own]] of loaded.entries()) {
    const sorted = times[k]!.toSorted((a, b) => a - b);
    const right = answers[k]!;
    const against = (is: boolean) =>
      right.filter((own, i) => own === is && answers[0]![i] !== is).length;
    rows.push({
      ...{ model, scheme, samples: questions.length, correct: countRight(right) },
      ...{ gained: against(true), lost: against(false), correctBySelf: bySelf[k]! },
      medianMs: sorted[sorted.length >> 1] ?? null,
      leastMs: sorted[0] ?? null,
      weightBytes: own.memory().weightBytes,
    });
    await own.dispose();
  }
  return rows;
}

async function answersOf(
  model: Model,
  questions: readonly Question[],
  isDisposed = false,
): Promise<boolean[]> {
  const answers: boolean[] = [];
  for (const { input, isAnswered } of questions) answers.push(isAnswered(await model.run(input)));
  if (isDisposed) await model.dispose();
  return answers;
}

function countRight(answers: readonly boolean[]): number {
  return answers.filter(Boolean).length;
}

function printRows(rows: readonly MinifloatRow[]): string {
  const head = [
    "network",
    "scheme",
    "samples",
    "top-1",
    "+",
    "-",
    "by itself",
    "median ms",
    "least ms",
    "bytes",
  ];
  const cells = rows.map((row) => [
    ...[row.model, row.scheme, ...[row.samples, row.correct, row.gained, row.lost].map(String)],
    ...[
      String(row.correctBySelf ?? ""),
      row.medianMs?.toFixed(2) ?? "",
      row.leastMs?.toFixed(2) ?? "",
      String(row.weightBytes),
    ],
  ]);
  return textTable(head, cells, ["left", "left", ...head.slice(2).map(() => "right" as const)]);
}
