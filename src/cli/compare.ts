/** `bitlane compare`: a network as its file has it, and re-quantized: bytes, time, accuracy, error by layer. */
import { basename } from "node:path";
import { type Graph, inferGraph } from "../graph/index.ts";
import {
  loadGraph,
  type LoadOptions,
  type Model,
  readGraph,
  requantize,
  type TypedArray,
} from "../model/index.ts";
import { floatGraph } from "../quantizer/index.ts";
import { quantile } from "./bench.ts";
import {
  type Arguments,
  type Command,
  JSON_OPTION,
  NO_DETERMINISTIC_OPTION,
  ROUNDING_OPTION,
  type Terminal,
  UsageError,
} from "./command.ts";
import { plotComparison } from "./compare-plot.ts";
import { type CompareReport, printReport, type SchemeReport } from "./compare-report.ts";
import { residentWeightBytes } from "./inspect.ts";
import { LayerProbe } from "./layer-errors.ts";
import { PRESETS } from "./presets.ts";
import { goldenQuestions, labelledQuestions, type Question } from "./questions.ts";
import { isMinifloatScheme, readSchemes, type Scheme, SCHEME_OPTIONS } from "./requantization.ts";
import { checkPlotName, writePlot } from "./svg.ts";

export type { CompareReport, SchemeReport } from "./compare-report.ts";

const DEFAULT_RUNS = 30;
const WARM_UP_RUNS = 3;
/** Inputs of the layers' errors, spread over the data. */
const PROBED_SAMPLES = 4;
/** Inputs for rounding, biases and ranges, spread over the data. */
const CALIBRATION_SAMPLES = 16;

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
    {
      name: "calibrate",
      value: "N",
      help: `so many of the samples, without labels, to round and scale by (default ${CALIBRATION_SAMPLES}; 0: none)`,
    },
    { name: "plot", value: "FILE", help: "draws errors and answers into an .svg or .html file" },
    { name: "runs", value: "N", help: `measured runs of each scheme (default ${DEFAULT_RUNS})` },
    { name: "threads", value: "N", help: "threads of one inference (default 1)" },
    { name: "isa", value: "ISA", help: "simd128 or relaxed (default: relaxed where it is there)" },
    ROUNDING_OPTION,
    NO_DETERMINISTIC_OPTION,
    JSON_OPTION,
  ],
  notes: `LIST holds formats of weights, each with /FORMAT of activations behind it or without: int4,int2/uint4. Behind
minifloats @FORMAT/CHUNK[/ROUNDING[/SEED]] sums up in an emulated accumulator: hfp8@fp16_e6m9/64/stochastic/7.
The file as it is comes first. DIR holds labels.json ({ "images": [{ "file", "class" }] }, or { "labels" } and
features.int8.bin), or classes.json and test.zip, or MNIST's files; golden: the recorded cases of the network
in golden/models/index.json of a folder above it, where the largest output counts as right.
The schemes are timed in turn. The error of a layer is the ratio of its output to its difference from the
file's (of minifloats: from the file's in real numbers), in dB, over ${PROBED_SAMPLES} samples: as it is in the network,
and where the layer alone is re-quantized; no number stands for no difference.
Weights are rounded, biases corrected and minifloats scaled by the samples of --calibrate; without, minifloats
take an integer file's own ranges.
hfp8 stands for hfp8_e4m3/hfp8_e4m3.`,

  async run(given: Arguments, terminal: Terminal): Promise<number> {
    const file = given.operand("MODEL");
    const schemes: Scheme[] = [{ name: "file", options: {} }, ...readSchemes(given)];
    const data = given.text("data");
    if (data === undefined) throw new UsageError("expected --data DIR or golden, got none");
    const limit = given.integer("samples", 1, 1_000_000) ?? Infinity;
    const plot = given.text("plot");
    if (plot !== undefined) checkPlotName(plot);
    const calibrated = given.integer("calibrate", 0, 1_000_000) ?? CALIBRATION_SAMPLES;
    const preset = given.choice("preset", PRESETS) ?? "auto";
    const runs = given.integer("runs", 1, 1_000_000) ?? DEFAULT_RUNS;
    const rounding = given.choice("rounding", ["fp32", "tflite-reference"]) ?? "fp32";
    const isa = given.choice("isa", ["simd128", "relaxed"]);
    const threads = given.integer("threads", 1, 64) ?? 1;
    const deterministic = !given.flag("no-deterministic");
    const options: LoadOptions = {
      rounding,
      threads,
      deterministic,
      ...(isa === undefined ? {} : { isa }),
    };

    const graph = await readGraph(file, options);
    const models: Model[] = [await loadGraph(graph, options)];
    const graphs: Graph[] = [graph];
    try {
      const questions =
        data === "golden"
          ? await goldenQuestions(file, models[0]!, rounding, limit)
          : await labelledQuestions(data, models[0]!, preset, limit);
      const step = Math.ceil(questions.length / calibrated);
      const samples = questions.filter((_, i) => i % step === 0).map(({ input }) => input);
      for (const scheme of schemes.slice(1)) {
        const calibrate = calibrated > 0 ? samples : undefined;
        const rewritten = await requantize(graph, { ...options, ...scheme.options, calibrate });
        graphs.push(rewritten);
        models.push(await loadGraph(rewritten, options));
      }
      const report = await measure({ schemes, graphs, models, questions, runs, options }, terminal);
      terminal.progress(undefined);
      if (plot !== undefined) {
        const title = basename(file);
        await writePlot(plot, title, plotComparison(title, report));
      }
      terminal.line(given.flag("json") ? JSON.stringify(report) : printReport(report));
    } finally {
      await Promise.all(models.map((model) => model.dispose()));
    }
    return 0;
  },
};

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
  const realProbe = new LayerProbe(realNetwork(graphs[0]!), options, probed);
  const answers: boolean[][] = [];
  for (const [i, { name }] of schemes.entries()) {
    answers.push(await answersOf(name, models[i]!, questions, terminal));
  }
  // Behind the samples: the engine has compiled the hot functions.
  const times = await interleavedTimes(comparison, questions[0]!.input, terminal);
  const medians = times.map((list) => quantile(list, 0.5));
  const reports: SchemeReport[] = [];
  for (const [i, scheme] of schemes.entries()) {
    const model = models[i]!;
    const own = answers[i]!;
    const against = (isRight: boolean) =>
      own.filter((is, k) => is === isRight && answers[0]![k] !== isRight).length;
    const macs = model.plan.steps.reduce((sum, step) => sum + step.macs, 0);
    reports.push({
      name: scheme.name,
      weightBytes: residentWeightBytes(model.graph, model.plan),
      medianMs: medians[i]!,
      macsPerSecond: macs / (medians[i]! / 1000),
      speedUp: medians[0]! / medians[i]!,
      correct: own.filter(Boolean).length,
      of: questions.length,
      gained: against(true),
      lost: against(false),
      layers: await (isMinifloatScheme(scheme) ? realProbe : probe).measure(graphs[i]!),
    });
  }
  return { schemes: reports, threads: models[0]!.threads };
}

/** The network that minifloats are made of. */
function realNetwork(graph: Graph): Graph {
  return inferGraph(floatGraph(graph).graph);
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

async function answersOf(
  name: string,
  model: Model,
  questions: readonly Question[],
  terminal: Terminal,
): Promise<boolean[]> {
  const answers: boolean[] = [];
  for (const [i, { input, isAnswered }] of questions.entries()) {
    if (i % 50 === 0) terminal.progress(`${name}: sample ${i} of ${questions.length}`);
    answers.push(isAnswered(await model.run(input)));
  }
  return answers;
}
