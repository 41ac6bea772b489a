/**
 * Layers in fewer bits on every kernel that can compute them, one thread: GMAC/s, the least time of many
 * runs. Every answer is compared with that of int8 pairs' oracle before it is timed.
 *
 *     node bench/low-bit.ts [--shape MxNxK | HxWxCxNkK]… [--scheme W4A8]… [--json FILE] [--time MS]
 *     node bench/low-bit.ts --model FILE… [--scheme W4A8]…      whole networks, re-quantized at load
 *
 * `*` marks what the plan takes on this machine, `+` what it would take without the one-instruction dot,
 * `-` without relaxed SIMD.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { fuseTables, type Graph } from "../src/graph/index.ts";
import { gemmForms, winogradKernels } from "../src/kernels/index.ts";
import { readGraph } from "../src/model/index.ts";
import { createPlan, type Machine, type Plan } from "../src/plan/index.ts";
import { bindPlan, Runner } from "../src/schedule/index.ts";
import { viewData } from "../src/tensor/index.ts";
import { relaxedDotClass } from "../src/wasm/index.ts";
import {
  type ActivationName,
  lowBitProblem,
  type WeightName,
} from "../test/kernels/low-bit-problem.ts";
import { loadBuilt, randomData, randomSource, referenceOutputs } from "../test/kernels/runner.ts";

const SCHEMES: Readonly<Record<string, readonly [WeightName, ActivationName]>> = {
  W8A8: ["int8", "int8"],
  W4A8: ["int4", "int8"],
  W2A8: ["int2", "int8"],
  WtA8: ["ternary", "int8"],
  W1A8: ["binary", "int8"],
  W8A4: ["int8", "int8>uint4"],
  W4A4: ["int4", "int8>uint4"],
  W2A4: ["int2", "int8>uint4"],
  WtA4: ["ternary", "int8>uint4"],
  W1A4: ["binary", "int8>uint4"],
  W4A2: ["int4", "int8>uint2"],
  W2A2: ["int2", "int8>uint2"],
  W1A2: ["binary", "int8>uint2"],
  W1A1: ["binary", "uint8>uint1"],
};

/** The 1x1 layers of MobileNetV1. */
const SHAPES = [
  ...["12544x64x32", "3136x128x64", "3136x128x128", "784x256x128", "784x256x256"],
  ...["196x512x256", "196x512x512", "49x1024x512", "49x1024x1024"],
];

const relaxed: Machine = { isa: "relaxed", dot: relaxedDotClass() };
const machines: Readonly<Record<string, Machine>> = {
  "*": relaxed,
  "+": { isa: "relaxed", dot: "saturating" },
  "-": { isa: "simd128", dot: "none" },
};

function createGraph(shape: string, scheme: string): Graph {
  const [weights, activations] = SCHEMES[scheme]!;
  const matrix = /^(\d+)x(\d+)x(\d+)$/.exec(shape)?.slice(1).map(Number);
  if (matrix !== undefined) {
    const [m, n, k] = matrix as [number, number, number];
    return lowBitProblem({ weights, activations, x: [1, 1, m, k], w: [n, 1, 1, k] });
  }
  const window = /^(\d+)x(\d+)x(\d+)x(\d+)k(\d+)$/.exec(shape)?.slice(1).map(Number);
  if (window === undefined) throw new Error(`expected MxNxK or HxWxCxNkK, got "${shape}"`);
  const [h, w, c, n, k] = window as [number, number, number, number, number];
  return lowBitProblem({ weights, activations, x: [1, h, w, c], w: [n, k, k, c] });
}

/** The kernel that multiplies; a look-up in front narrows its activations. */
function kernelOf({ steps }: Plan): string | undefined {
  const names = steps.map((step) => (step.kind === "kernel" ? step.kernel : "reference"));
  return names.length === 1 || names[0] === "lookup_8" ? names.at(-1) : undefined;
}

function macsOf({ steps }: Plan): number {
  return steps.reduce((sum, { macs }) => sum + macs, 0);
}

/** Least milliseconds of one run on a kernel; undefined if it does not fit the shape. */
async function time(graph: Graph, forced: string, ms: number): Promise<number | undefined> {
  const plan = createPlan(graph, { rounding: "fp32", machine: relaxed, forced });
  if (kernelOf(plan) !== forced) return undefined;
  const binding = bindPlan(plan, loadBuilt(plan, "release"), {
    workers: 0,
    lanes: 1,
    maxMemoryBytes: 2 ** 31,
  });
  const view = (id: number): Uint8Array => {
    const address = binding.address(plan.places.get(id)!, 0);
    const data = viewData(graph.values[id]!.type, binding.program.memory.buffer, address);
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  };
  const input = randomData(graph.values[0]!.type, randomSource(7));
  view(0).set(new Uint8Array(input.buffer));
  const runner = await Runner.start(binding, () => undefined);
  let least = Infinity;
  for (const end = performance.now() + ms; performance.now() < end;) {
    const start = performance.now();
    runner.runSync(false);
    least = Math.min(least, performance.now() - start);
  }
  if (macsOf(plan) <= CHECKED_MACS) {
    const [expected] = referenceOutputs(graph, [input]);
    const answer = view(graph.outputs[0]!);
    const codes = new Uint8Array(expected!.buffer, expected!.byteOffset, expected!.byteLength);
    if (!codes.every((code, i) => code === answer[i])) throw new Error(`${forced}: wrong answer`);
  }
  await runner.terminate();
  return least;
}

/** Larger layers are compared with `reference()` by the tests. */
const CHECKED_MACS = 30_000_000;

interface Row {
  readonly shape: string;
  readonly scheme: string;
  readonly kernel: string;
  readonly ms: number;
  readonly gmacs: number;
  /** Machines whose plan takes it. */
  readonly taken: string;
}

const WEIGHTS = { 8: "int8", 4: "int4", 2: "int2", t: "ternary", 1: "binary" } as const;
const ACTIVATIONS = { 8: "uint8", 4: "uint4", 2: "uint2", 1: "uint1" } as const;

interface NetworkRow {
  readonly model: string;
  readonly scheme: string;
  readonly machine: string;
  readonly ms: number;
  readonly constantBytes: number;
  /** Milliseconds by kernel are not known; how many steps each takes is. */
  readonly kernels: Readonly<Record<string, number>>;
}

const MACHINE_NAMES: Readonly<Record<string, string>> = {
  "*": "this machine",
  "+": "without the dot",
  "-": "without relaxed SIMD",
};

/** Least milliseconds of a network's plan for one of the machines. */
async function timeNetwork(
  file: string,
  scheme: string,
  mark: string,
  ms: number,
): Promise<NetworkRow> {
  const weights = WEIGHTS[scheme[1] as keyof typeof WEIGHTS];
  const activations = ACTIVATIONS[scheme[3] as unknown as keyof typeof ACTIVATIONS];
  const inferred = await readGraph(file, { weights, activations });
  const graph = fuseTables(inferred, "fp32");
  const plan = createPlan(graph, { rounding: "fp32", machine: machines[mark]! });
  const binding = bindPlan(plan, loadBuilt(plan, "release"), {
    workers: 0,
    lanes: 1,
    maxMemoryBytes: 2 ** 31,
  });
  const runner = await Runner.start(binding, () => undefined);
  let least = Infinity;
  for (const end = performance.now() + ms; performance.now() < end;) {
    const start = performance.now();
    runner.runSync(false);
    least = Math.min(least, performance.now() - start);
  }
  await runner.terminate();
  const kernels: Record<string, number> = {};
  for (const step of plan.steps) {
    const name = step.kind === "kernel" ? step.kernel : "reference";
    kernels[name] = (kernels[name] ?? 0) + 1;
  }
  const machine = MACHINE_NAMES[mark]!;
  return {
    model: basename(file),
    scheme,
    machine,
    ms: least,
    constantBytes: plan.constantBytes,
    kernels,
  };
}

const { values } = parseArgs({
  options: {
    shape: { type: "string", multiple: true, default: SHAPES },
    scheme: { type: "string", multiple: true, default: Object.keys(SCHEMES) },
    model: { type: "string", multiple: true, default: [] },
    json: { type: "string" },
    time: { type: "string", default: "300" },
  },
});
const rows: Row[] = [];
const networks: NetworkRow[] = [];
for (const model of values.model) {
  for (const scheme of values.scheme) {
    for (const mark of Object.keys(machines)) {
      const row = await timeNetwork(model, scheme, mark, 10 * Number(values.time));
      networks.push(row);
      console.log(
        `${row.model} ${scheme} ${row.machine.padEnd(20)} ${row.ms.toFixed(2).padStart(8)} ms ${(row.constantBytes / 1e6).toFixed(2).padStart(7)} MB  ${Object.entries(
          row.kernels,
        )
          .map(([name, count]) => `${count} ${name}`)
          .join(", ")}`,
      );
    }
  }
}
for (const shape of values.model.length > 0 ? [] : values.shape) {
  for (const scheme of values.scheme) {
    const graph = createGraph(shape, scheme);
    const taken = Object.entries(machines).map(
      ([mark, machine]) =>
        [mark, kernelOf(createPlan(graph, { rounding: "fp32", machine }))] as const,
    );
    const forms = [...gemmForms.values()].flatMap(({ name, operations }) =>
      operations.map((operation) => `${operation}_${name}`),
    );
    for (const kernel of [...forms, ...winogradKernels.map(({ name }) => name)]) {
      const ms = await time(graph, kernel, Number(values.time));
      if (ms === undefined) continue;
      const macs = macsOf(createPlan(graph, { rounding: "fp32", machine: relaxed }));
      const marks = taken.map(([mark, name]) => (name === kernel ? mark : "")).join("");
      rows.push({ shape, scheme, kernel, ms, gmacs: macs / ms / 1e6, taken: marks });
      const { gmacs } = rows.at(-1)!;
      console.log(
        `${shape.padEnd(16)} ${scheme} ${marks.padEnd(3)} ${kernel.padEnd(28)} ${gmacs.toFixed(1).padStart(6)} GMAC/s ${ms.toFixed(4).padStart(9)} ms`,
      );
    }
  }
}
if (values.json !== undefined) {
  const facts = { date: new Date().toISOString(), cpu: cpus()[0]?.model, node: process.version };
  const dot = relaxed.dot;
  writeFileSync(
    values.json,
    `${JSON.stringify({ ...facts, dot, rows, networks }, undefined, 1)}\n`,
  );
}
