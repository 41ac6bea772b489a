/**
 * float32 networks with `deterministic: false` beside the default, one thread: the default's time, that of fused
 * multiply-adds and their ratio, of runs in turn, the least of each.
 *
 *     node bench/multiply-add.ts [--model FILE]… [--time MS] [--layers] [--revectorize] [--weights FORMAT] [--brief]
 *
 *     --model FILE     TFLite files; integer ones in the real numbers that they stand for (default: networks of ../shared)
 *     --time MS        of measuring each network (default 10000)
 *     --layers         the same of every step
 *     --revectorize    under V8's 256-bit pass
 *     --weights FORMAT weights in minifloats, beside float32 activations
 *     --brief          a moment of one network
 */
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { textTable } from "../src/cli/terminal.ts";
import { inferGraph } from "../src/graph/index.ts";
import {
  type LoadOptions,
  loadGraph,
  type Model,
  readGraph,
  requantize,
} from "../src/model/index.ts";
import { floatGraph } from "../src/quantizer/index.ts";
import { elementCount } from "../src/tensor/index.ts";
import { sharedPath } from "../test/shared.ts";

const NETWORKS = [
  "imagenet/squeezenet_1.0_227_float",
  "speed/mobilenet_v1_int8",
  "speed/resnet50_int8",
];
const WARM_UP_RUNS = 5;

const { values } = parseArgs({
  options: {
    model: { type: "string", multiple: true },
    time: { type: "string", default: "10000" },
    layers: { type: "boolean", default: false },
    revectorize: { type: "boolean", default: false },
    weights: { type: "string" },
    brief: { type: "boolean", default: false },
  },
});

const networks = values.brief ? NETWORKS.slice(0, 1) : NETWORKS;
for (const file of values.model ?? networks.map(shared)) {
  const models = await Promise.all([true, false].map((own) => loadFloats(file, own)));
  const [own, fused] = (await leastTimes(models)) as [number[], number[]];
  const total = (times: readonly number[]) => times.reduce((sum, time) => sum + time, 0);
  const cells = (name: string, kernel: string, a: number, b: number) => {
    return [name, kernel, a.toFixed(3), b.toFixed(3), (a / b).toFixed(3)];
  };
  const rows = [cells(basename(file, ".tflite"), "", own.at(-1)!, fused.at(-1)!)];
  if (values.layers) {
    rows.push(cells("all steps", "", total(own.slice(0, -1)), total(fused.slice(0, -1))));
    models[1]!.plan.steps.forEach((step, i) => {
      const kernel = step.kind === "kernel" ? step.kernel : "reference";
      rows.push(cells(step.label, kernel, own[i]!, fused[i]!));
    });
  }
  console.log(textTable(["", "kernel", "ms", "fused", "ratio"], rows, ["left", "left"]));
  await Promise.all(models.map((model) => model.dispose()));
}

/** @param deterministic the option */
async function loadFloats(file: string, deterministic: boolean): Promise<Model> {
  const { weights, revectorize } = values;
  const options: LoadOptions = { threads: 1, deterministic, revectorize };
  const graph = inferGraph(floatGraph(await readGraph(file)).graph);
  const short = { ...options, weights, activations: "float32" } as LoadOptions;
  return loadGraph(weights === undefined ? graph : await requantize(graph, short), options);
}

/** Least milliseconds of every step, and of a whole run behind them, of each model. */
async function leastTimes(models: readonly Model[]): Promise<number[][]> {
  const least = models.map(({ plan }) => Array<number>(plan.steps.length + 1).fill(Infinity));
  const { name, shape } = models[0]!.inputs[0]!;
  const feeds = { [name]: randomFloats(shape) };
  const end = performance.now() + (values.brief ? 0 : Number(values.time));
  for (let run = 0; run < WARM_UP_RUNS || performance.now() < end; run++) {
    for (const [i, model] of models.entries()) {
      const { marks } = await model.profile(feeds);
      // The first mark is before the input is written, the last one behind reading the output.
      const steps = marks.slice(1, -1);
      for (let k = 1; k < steps.length; k++) note(least[i]!, k - 1, steps[k]! - steps[k - 1]!);
      note(least[i]!, least[i]!.length - 1, marks.at(-1)! - marks[0]!);
    }
  }
  return least;
}

function note(least: number[], i: number, time: number): void {
  if (time < least[i]!) least[i] = time;
}

function randomFloats(shape: readonly number[]): Float32Array {
  let state = 1;
  return Float32Array.from({ length: elementCount(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
}

function shared(name: string): string {
  const folder = sharedPath("models");
  if (folder === undefined) throw new Error("expected ../shared");
  return `${folder}/${name}.tflite`;
}
