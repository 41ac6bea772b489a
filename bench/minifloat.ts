/**
 * Minifloat kernels through the plan and the memory that a model has, one thread: codes decoded and
 * encoded per second, multiply-adds per second in an emulated accumulator. Median and fastest run; every
 * answer is compared with `reference()` first.
 *
 *     node bench/minifloat.ts [--brief]
 */
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  float16,
  float32,
  float4_e2m1fn,
  float6_e2m3fn,
  float6_e3m2fn,
  float8_e3m4,
  float8_e4m3fn,
  float8_e5m2,
  hfp8_e4m3,
  type Minifloat,
} from "../src/formats/index.ts";
import type { Graph } from "../src/graph/index.ts";
import { chunkedMatMul, decodeMinifloat, encodeMinifloat } from "../src/operators/index.ts";
import { createPlan, loadLowerings } from "../src/plan/index.ts";
import { bindPlan, Runner } from "../src/schedule/index.ts";
import { packBits, type TensorData, viewData } from "../src/tensor/index.ts";
import { loadBuilt, nodeGraph, randomSource, referenceOutputs } from "../test/kernels/runner.ts";

/** Codes of one run: they and their float32 values stay in the caches, as those of a layer do. */
const CODES = 64 * 1024;

const { values } = parseArgs({
  options: {
    brief: { type: "boolean", default: false },
  },
});

/** Prints work per second, in units of 10^9; exits with 1 at the end if an answer is wrong. */
async function measure(label: string, graph: Graph, input: TensorData, work: number, unit: string) {
  const plan = createPlan(graph, {
    rounding: "fp32",
    machine: { isa: "simd128" },
    lowerings: await loadLowerings(graph),
  });
  const binding = bindPlan(plan, loadBuilt(plan, "release"), {
    workers: 0,
    lanes: 1,
    maxMemoryBytes: 2 ** 30,
  });
  const locate = (id: number): Uint8Array => {
    const address = binding.address(plan.places.get(id)!, 0);
    const data = viewData(graph.values[id]!.type, binding.program.memory.buffer, address);
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  };
  locate(graph.inputs[0]!).set(new Uint8Array(input.buffer, input.byteOffset, input.byteLength));
  const runner = await Runner.start(binding, () => undefined);
  const samples: number[] = [];
  const end = performance.now() + (values.brief ? 300 : 1500);
  while (performance.now() < end) {
    const start = performance.now();
    for (let i = 0; i < 8; i++) runner.runSync(false);
    samples.push((performance.now() - start) / 8e3);
    // The optimising compiler replaces the baseline code between runs.
    if (samples.length % 16 === 0) await setTimeout(1);
  }
  const sorted = samples.slice(samples.length >> 1).sort((a, b) => a - b);
  const expected = referenceOutputs(graph, [input])[0]!;
  const isRight = Buffer.from(locate(graph.outputs[0]!)).equals(
    Buffer.from(expected.buffer, expected.byteOffset, expected.byteLength),
  );
  if (!isRight) process.exitCode = 1;
  const rate = (seconds: number) => (work / seconds / 1e9).toFixed(2).padStart(7);
  const [median, fastest] = [sorted[sorted.length >> 1]!, sorted[0]!];
  console.log(
    `${label.padEnd(44)} ${rate(median)} G${unit}/s, fastest ${rate(fastest)}${isRight ? "" : "  WRONG"}`,
  );
}

function stored(format: Minifloat, codes: Uint16Array): TensorData {
  if (format.bits > 8) return codes;
  return format.bits === 8 ? Uint8Array.from(codes) : packBits(format, codes);
}

const random = randomSource(11);
const randomCodes = (format: Minifloat, count: number) =>
  stored(
    format,
    Uint16Array.from({ length: count }, () => format.encode(random() * 2 - 1)),
  );

for (const format of [
  ...[float8_e4m3fn, float8_e5m2, float8_e3m4, hfp8_e4m3],
  ...[float6_e2m3fn, float6_e3m2fn, float4_e2m1fn, float16],
]) {
  const type = { format, shape: [CODES] };
  const real = { format: float32, shape: [CODES] };
  const all = Uint16Array.from({ length: CODES }, () => Math.floor(random() * 2 ** format.bits));
  const decode = nodeGraph(decodeMinifloat, {}, [type], [real]);
  await measure(`decode ${format.name}, all codes`, decode, stored(format, all), CODES, " codes");
  const encode = nodeGraph(encodeMinifloat, { saturates: true }, [real], [type]);
  const data = Float32Array.from({ length: CODES }, () => random() * 2 - 1);
  await measure(`encode ${format.name}`, encode, data, CODES, " codes");
}

const [m, n, k] = values.brief ? [16, 16, 256] : [64, 64, 512];
for (const [format, accumulator] of [
  [float8_e4m3fn, "fp16_e6m9"],
  [float8_e5m2, "float16"],
  [float8_e4m3fn, "bfloat16"],
] as const) {
  for (const rounding of ["nearest", "stochastic"] as const) {
    const draws = { seed: 1, layer: 0, step: 0, stream: 0 };
    const graph = nodeGraph(
      chunkedMatMul,
      { accumulator, chunk: 64, rounding, draws },
      [
        { format, shape: [m, k] },
        { type: { format, shape: [n, k] }, data: randomCodes(format, n * k) },
      ],
      [{ format: float32, shape: [] }],
    );
    const label = `${m}x${n}x${k} ${format.name} in ${accumulator}, ${rounding}`;
    await measure(label, graph, randomCodes(format, m * k), m * n * k, "MAC");
  }
}
