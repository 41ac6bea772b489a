/** `bitlane compare`: a network as its file has it, and re-quantized: bytes, time, accuracy, error by layer. */
import type { Graph } from "../graph/index.ts";
import {
  loadGraph,
  type LoadOptions,
  type Model,
  readGraph,
  requantize,
  type TypedArray,
} from "../model/index.ts";
import { quantile } from "./bench.ts";
import {
  type Arguments,
  type Command,
  JSON_OPTION,
  ROUNDING_OPTION,
  type Terminal,
  UsageError,
} from "./command.ts";
import { residentWeightBytes } from "./inspect.ts";
import { LayerProbe, type LayerError } from "./layer-errors.ts";
import { PRESETS } from "./presets.ts";
import { goldenQuestions, labelledQuestions, type Question } from "./questions.ts";
import { readSchemes, type Scheme, SCHEME_OPTIONS } from "./requantization.ts";
import { textTable, withPrefix } from "./terminal.ts";

const DEFAULT_RUNS = 30;
const WARM_UP_RUNS = 3;
/** Inputs of the layers' errors, spread over the data. */
const PROBED_SAMPLES = 4;
/** Inputs for the ranges of minifloat activations in float32 networks, spread over the data. */
const CALIBRATION_SAMPLES = 16;

export interface SchemeReport {
  readonly name: string;
  /** Bytes that the weights take while the network is loaded. */
  readonly weightBytes: number;
  readonly medianMs: number;
  readonly macsPerSecond: number;
  /** Median of the file over this median. */
  readonly speedUp: number;
  readonly correct: number;
  readonly of: number;
  readonly layers: readonly LayerError[];
}

export interface CompareReport {
  readonly schemes: readonly SchemeReport[];
  readonly threads: number;
}

export const compare: Command = {
  name: "compare",
  summary:
    "Compares a network with itself in fewer bits: bytes, time, top-1 on data, error by layer.",
  operands: "MODEL --weights LIST --data DIR|golden",
  options: [
    ...SCHEME_OPTIONS,
    { name: "data", value: "DIR", help: "labelled data (see below), or golden" },
    { name: "samples", value: "N", help: "so many samples, spread over the data (default: all)" },
    {
      name: "preset",
      value: "NAME",
      help: "how an image becomes a float input (bitlane run --help)",
    },
    { name: "runs", value: "N", help: `measured runs of each scheme (default ${DEFAULT_RUNS})` },
    { name: "threads", value: "N", help: "threads of one inference (default 1)" },
    { name: "isa", value: "ISA", help: "simd128 or relaxed (default: relaxed where it is there)" },
    ROUNDING_OPTION,
    JSON_OPTION,
  ],
  notes: `LIST holds formats of weights, each with /FORMAT of activations behind it or without: int4,int2/uint4.
The file as it is comes first. DIR holds labels.json ({ "images": [{ "file", "class" }] }, or { "labels" } and
features.int8.bin), or classes.json and test.zip, or MNIST's files; golden: the recorded cases of the network
in golden/models/index.json of a folder above it, where the largest output counts as right.
The schemes are timed in turn. The error of a layer is the ratio of its output to its difference from the
file's, in dB, over ${PROBED_SAMPLES} samples; no number stands for no difference.
Minifloat activations: ranges are those of the file's quantization; of a float32 network those of
${CALIBRATION_SAMPLES} samples of the data, without their labels. hfp8 stands for hfp8_e4m3/hfp8_e4m3.`,

  async run(given: Arguments, terminal: Terminal): Promise<number> {
    const file = given.operand("MODEL");
    const schemes: Scheme[] = [{ name: "file", options: {} }, ...readSchemes(given)];
    const data = given.text("data");
    if (data === undefined) throw new UsageError("expected --data DIR or golden, got none");
    const limit = given.integer("samples", 1, 1_000_000) ?? Infinity;
    const preset = given.choice("preset", PRESETS) ?? "auto";
    const runs = given.integer("runs", 1, 1_000_000) ?? DEFAULT_RUNS;
    const rounding = given.choice("rounding", ["fp32", "tflite-reference"]) ?? "fp32";
    const isa = given.choice("isa", ["simd128", "relaxed"]);
    const threads = given.integer("threads", 1, 64) ?? 1;
    const options: LoadOptions = { rounding, threads, ...(isa === undefined ? {} : { isa }) };

    const graph = await readGraph(file, options);
    const models: Model[] = [await loadGraph(graph, options)];
    const graphs: Graph[] = [graph];
    try {
      const questions =
        data === "golden"
          ? await goldenQuestions(file, models[0]!, rounding, limit)
          : await labelledQuestions(data, models[0]!, preset, limit);
      const step = Math.ceil(questions.length / CALIBRATION_SAMPLES);
      const samples = questions.filter((_, i) => i % step === 0).map(({ input }) => input);
      for (const scheme of schemes.slice(1)) {
        const calibrate = needsRanges(graph, scheme) ? samples : undefined;
        const rewritten = await requantize(graph, { ...options, ...scheme.options, calibrate });
        graphs.push(rewritten);
        models.push(await loadGraph(rewritten, options));
      }
      const report = await measure({ schemes, graphs, models, questions, runs, options }, terminal);
      terminal.progress(undefined);
      terminal.line(given.flag("json") ? JSON.stringify(report) : printReport(report));
    } finally {
      await Promise.all(models.map((model) => model.dispose()));
    }
    return 0;
  },
};

/** Minifloat activations of a network in float32. */
function needsRanges({ values }: Graph, { options }: Scheme): boolean {
  const { activations } = options;
  const isMinifloatScheme = activations !== undefined && !/^(uint|float32$)/.test(activations);
  return isMinifloatScheme && !values.some(({ type }) => type.quantization !== undefined);
}

interface Comparison {
  readonly schemes: readonly Scheme[];
  readonly graphs: readonly Graph[];
  readonly models: readonly Model[];
  readonly questions: readonly Question[];
  readonly runs: number;
  readonly options: LoadOptions;
}

async function measure(comparison: Comparison, terminal: Terminal): Promise<CompareReport> {
  const { schemes, graphs, models, questions, options } = comparison;
  const step = Math.ceil(questions.length / PROBED_SAMPLES);
  const probed = questions.filter((_, i) => i % step === 0).map(({ input }) => input);
  const probe = new LayerProbe(graphs[0]!, options, probed);
  const correct: number[] = [];
  for (const [i, { name }] of schemes.entries()) {
    correct.push(await countCorrect(name, models[i]!, questions, terminal));
  }
  // Behind the samples: the engine has compiled the hot functions.
  const times = await interleavedTimes(comparison, questions[0]!.input, terminal);
  const medians = times.map((list) => quantile(list, 0.5));
  const reports: SchemeReport[] = [];
  for (const [i, { name }] of schemes.entries()) {
    const model = models[i]!;
    const macs = model.plan.steps.reduce((sum, { macs: own }) => sum + own, 0);
    reports.push({
      name,
      weightBytes: residentWeightBytes(model.graph, model.plan),
      medianMs: medians[i]!,
      macsPerSecond: macs / (medians[i]! / 1000),
      speedUp: medians[0]! / medians[i]!,
      correct: correct[i]!,
      of: questions.length,
      layers: await probe.measure(graphs[i]!),
    });
  }
  return { schemes: reports, threads: models[0]!.threads };
}

/** Times in ms by scheme. One run of each in turn: what disturbs the machine disturbs all of them. */
async function interleavedTimes(
  { models, runs }: Comparison,
  input: TypedArray,
  terminal: Terminal,
): Promise<number[][]> {
  const times = models.map((): number[] => []);
  for (let i = -WARM_UP_RUNS; i < runs; i++) {
    if (i % Math.ceil(runs / 20) === 0) terminal.progress(`run ${i} of ${runs}`);
    for (const [k, model] of models.entries()) {
      const start = performance.now();
      await model.run(input);
      if (i >= 0) times[k]!.push(performance.now() - start);
    }
  }
  return times;
}

async function countCorrect(
  name: string,
  model: Model,
  questions: readonly Question[],
  terminal: Terminal,
): Promise<number> {
  let correct = 0;
  for (const [i, { input, isAnswered }] of questions.entries()) {
    if (i % 50 === 0) terminal.progress(`${name}: sample ${i} of ${questions.length}`);
    if (isAnswered(await model.run(input))) correct++;
  }
  return correct;
}

function printReport({ schemes, threads }: CompareReport): string {
  const rows = schemes.map(
    ({ name, weightBytes, medianMs, macsPerSecond, speedUp, correct, of }) => [
      name,
      String(weightBytes),
      medianMs.toFixed(3),
      withPrefix(macsPerSecond),
      speedUp.toFixed(2),
      `${correct} of ${of}`,
    ],
  );
  const head = ["scheme", "weight bytes", "median ms", "MAC/s", "speed-up", "top-1"];
  const right = (columns: number) => Array.from({ length: columns }, () => "right" as const);
  const others = schemes.slice(1);
  const layers = schemes[0]!.layers.map(({ name }, i) => [
    ...others.map(({ layers: own }) => decibels(own[i]!.sqnrDb)),
    name.slice(0, MAX_LABEL),
  ]);
  return [
    textTable(head, rows, ["left", ...right(5)]),
    `${threads} thread(s)`,
    "",
    "signal to quantization noise of the layers' outputs, dB",
    textTable([...others.map(({ name }) => name), "layer"], layers, right(others.length)),
  ].join("\n");
}

/** Names of fused values can be hundreds of characters long. */
const MAX_LABEL = 60;

function decibels(value: number): string {
  return Number.isFinite(value) ? value.toFixed(1) : "";
}
