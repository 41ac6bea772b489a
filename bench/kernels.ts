/**
 * All matrix-product and convolution kernels on chosen shapes, through the plan and the memory that a
 * model has, one thread: GMAC/s, median and spread. Every answer is compared with `reference()`
 * before it is timed; the kernel that the plan would select for the int8 form is marked.
 *
 *     node bench/kernels.ts [--shape SHAPE]… [--build TARGET] [--revectorize] [--brief]
 *
 *     --shape MxNxK         a matrix product: M rows, N columns, K deep
 *     --shape HxWxCxNkKsS   a convolution: image HxWxC, N filters KxK, stride S
 *     --build TARGET        a target of asconfig.json (default release-plain)
 *     --revectorize         V8's 256-bit pairing of vectors (Node 24 or later)
 *     --brief               int8 only, short runs
 */
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import benny from "benny";
import type { Graph } from "../src/graph/index.ts";
import { kernelTable } from "../src/kernels/index.ts";
import { conv2D } from "../src/operators/index.ts";
import { createPlan, type Plan } from "../src/plan/index.ts";
import { bindPlan, Runner } from "../src/schedule/index.ts";
import { viewData } from "../src/tensor/index.ts";
import { type OperandForm, randomProblem } from "../test/kernels/gemm-problem.ts";
import { randomData, randomSource, referenceOutputs } from "../test/kernels/runner.ts";

interface Shape {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly filters: number;
  readonly kernel: number;
  readonly stride: number;
}

/** Layers of MobileNetV1, MobileNetV2 and ResNet-50, first layers, a classifier, small tiles. */
const SHAPES = [
  ...["32x64x256", "12544x64x32", "3136x128x64", "3136x128x128", "784x256x256", "196x512x512"],
  ...["49x1024x1024", "12544x96x16", "3136x144x24", "3136x24x96", "196x64x384", "49x160x960"],
  ...["3136x256x64", "196x256x1024", "1x1000x1024", "1x128x640"],
  ...["224x224x3x32k3s2", "56x56x64x64k3s1", "28x28x128x128k3s1", "14x14x256x256k3s1"],
  ...["7x7x512x512k3s1", "32x32x16x16k3s1", "56x56x256x512k1s2"],
];

const FORMS: readonly OperandForm[] = ["int8", "uint8", "int8 wide", "uint8 wide", "float32"];
const OPERAND_CODES: Readonly<Record<string, string>> = {
  int8: "_i8_i8_",
  uint8: "_u8_i8_",
  "int8 wide": "_i8_i16_",
  "uint8 wide": "_u8_i16_",
  float32: "_f32_f32_",
};

function parseShape(name: string): Shape {
  const matrix = /^(\d+)x(\d+)x(\d+)$/.exec(name);
  const window = /^(\d+)x(\d+)x(\d+)x(\d+)k(\d+)s(\d+)$/.exec(name);
  if (matrix !== null) {
    const [width, filters, channels] = matrix.slice(1).map(Number) as [number, number, number];
    return { name, height: 1, width, channels, filters, kernel: 1, stride: 1 };
  }
  if (window === null) {
    throw new Error(`expected a shape MxNxK or HxWxCxNkKsS, got "${name}"`);
  }
  const [height, width, channels, filters, kernel, stride] = window.slice(1).map(Number);
  return {
    name,
    height: height!,
    width: width!,
    channels: channels!,
    filters: filters!,
    kernel: kernel!,
    stride: stride!,
  };
}

function createGraph(
  { height, width, channels, filters, kernel, stride }: Shape,
  form: OperandForm,
) {
  return randomProblem(
    conv2D,
    {
      strides: [stride, stride],
      dilations: [1, 1],
      padding: "same",
      activation: "none",
    },
    {
      form,
      x: [1, height, width, channels],
      w: [filters, kernel, kernel, channels],
      channels: filters,
      depth: kernel * kernel * channels,
    },
  );
}

/** The kernels of a plan's steps, or undefined if a step has none. */
function kernelOf(plan: Plan): string | undefined {
  const names = plan.steps.map((step) => (step.kind === "kernel" ? step.kernel : undefined));
  return names.every((name) => name === names[0]) ? names[0] : undefined;
}

interface Candidate {
  readonly kernel: string;
  readonly macs: number;
  readonly isSelected: boolean;
  readonly isRight: boolean;
  run(): void;
}

async function prepare(
  graph: Graph,
  random: () => number,
  expected: () => Uint8Array,
  module: WebAssembly.Module,
  forced: string,
  isSelected: boolean,
): Promise<Candidate | undefined> {
  const plan = createPlan(graph, { rounding: "fp32", machine: { isa: "simd128" }, forced });
  if (kernelOf(plan) !== forced) return undefined;
  const binding = bindPlan(plan, [module], { workers: 0, lanes: 1, maxMemoryBytes: 2 ** 31 });
  const { memory } = binding.program;
  const view = (id: number): Uint8Array => {
    const data = viewData(
      graph.values[id]!.type,
      memory.buffer,
      binding.address(plan.places.get(id)!, 0),
    );
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  };
  const input = randomData(graph.values[graph.inputs[0]!]!.type, random);
  view(graph.inputs[0]!).set(new Uint8Array(input.buffer));
  const runner = await Runner.start(binding, () => undefined);
  runner.runSync(false);
  const answer = view(graph.outputs[0]!);
  const reference = expected();
  return {
    kernel: forced,
    macs: plan.steps.reduce((sum, step) => sum + step.macs, 0),
    isSelected,
    isRight: reference.every((byte, i) => answer[i] === byte),
    run: () => runner.runSync(false),
  };
}

/** Every kernel that can compute the shape. */
async function candidates(
  shape: Shape,
  forms: readonly OperandForm[],
  module: WebAssembly.Module,
): Promise<Candidate[]> {
  const result: Candidate[] = [];
  for (const form of forms) {
    const { graph } = createGraph(shape, form);
    const input = () => randomData(graph.values[graph.inputs[0]!]!.type, randomSource(7));
    let reference: Uint8Array | undefined;
    const expected = (): Uint8Array => {
      const data = referenceOutputs(graph, [input()])[0]!;
      return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    };
    const selected = kernelOf(createPlan(graph, { rounding: "fp32", machine: { isa: "simd128" } }));
    for (const name of kernelTable.keys()) {
      if (!name.includes(OPERAND_CODES[form]!) && !name.startsWith("winograd")) continue;
      const candidate = await prepare(
        graph,
        randomSource(7),
        () => (reference ??= expected()),
        module,
        name,
        name === selected,
      );
      if (candidate !== undefined) result.push(candidate);
    }
  }
  return result;
}

/** Median distance from the median: what other processes took out of single samples does not show. */
function medianDeviation(samples: readonly number[], median: number): number {
  const distances = samples.map((sample) => Math.abs(sample - median)).sort((a, b) => a - b);
  return distances[distances.length >> 1]!;
}

/** Runs until the optimising compiler has replaced the baseline code. */
async function warm({ run }: Candidate, timeMs: number): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const end = performance.now() + timeMs;
    while (performance.now() < end) run();
    await setTimeout(10);
  }
}

async function benchShape(
  shape: Shape,
  forms: readonly OperandForm[],
  module: WebAssembly.Module,
  seconds: number,
): Promise<boolean> {
  const cases = await candidates(shape, forms, module);
  for (const candidate of cases) await warm(candidate, seconds * 200);
  // Short samples: their median leaves out what other processes took.
  const options = { minTime: 0.0005, maxTime: seconds, minSamples: 50 };
  const summary = await benny.suite(
    shape.name,
    ...cases.map(({ kernel, run }) => benny.add(kernel, run)),
    benny.configure({ cases: options }),
  );
  summary.results.forEach(({ details }, i) => {
    const { kernel, macs, isSelected, isRight } = cases[i]!;
    const rate = macs / details.median / 1e9;
    const spread = (100 * medianDeviation(details.sampleResults, details.median)) / details.median;
    console.log(
      [
        shape.name.padEnd(20),
        isSelected ? "*" : " ",
        kernel.padEnd(24),
        `${rate.toFixed(1).padStart(6)} GMAC/s`,
        `± ${spread.toFixed(1).padStart(4)} %`,
        `${(details.median * 1e3).toFixed(4).padStart(9)} ms`,
        isRight ? "" : "WRONG",
      ].join(" "),
    );
  });
  return cases.every(({ isRight }) => isRight);
}

const { values } = parseArgs({
  options: {
    shape: { type: "string", multiple: true, default: SHAPES },
    build: { type: "string", default: "release-plain" },
    revectorize: { type: "boolean", default: false },
    brief: { type: "boolean", default: false },
  },
});
// Read when a function is optimised: before the first run is early enough.
if (values.revectorize) setFlagsFromString("--experimental-wasm-revectorize");
const module = new WebAssembly.Module(
  readFileSync(new URL(`../build/${values.build}.wasm`, import.meta.url)),
);
let isRight = true;
for (const name of values.shape) {
  const forms = values.brief ? FORMS.slice(0, 1) : FORMS;
  isRight = (await benchShape(parseShape(name), forms, module, values.brief ? 0.3 : 1)) && isRight;
}
if (!isRight) process.exitCode = 1;
