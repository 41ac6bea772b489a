/**
 * Mutated models: the only outcomes are a typed error and a run that ends, and what ends is what the
 * scalar oracle computes. The count is 20,000 when CI is set.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { interpret } from "../src/graph/index.ts";
import { importModel } from "../src/importers/index.ts";
import { BitlaneError, InternalError, load, type Model } from "../src/index.ts";
import { dataConstructor, elementCount, type TensorData } from "../src/tensor/index.ts";
import { createRandom, createSeed, mutate, type Seed } from "./importers/mutations.ts";
import { sampleNetwork } from "./importers/sample-network.ts";
import { sharedPath } from "./shared.ts";

const COUNT = process.env["CI"] ? 20_000 : 400;
/** Of processor time, so that a machine with other work gives the same answer. */
const MAX_MS = 5000;
/** A mutated shape may not ask for hours: 2^23 operations take the slow references 0.2 s or less. */
const LIMITS = { operations: 2 ** 23, memoryBytes: 2 ** 26 };
/** Work up to which a run is repeated by the oracle. */
const ORACLE_OPERATIONS = 2 ** 17;

/** Larger files are mostly weights. */
const MAX_SEED_BYTES = 65_536;

const NETWORKS = [
  ["mlperf-tiny", "kws_int8.tflite"],
  ["mlperf-tiny", "kws_float.tflite"],
  ["low-bit", "kws_w4a8.tflite"],
  ["digits", "digits_int8.tflite"],
  ["digits", "digits_float.tflite"],
  ["low-bit", "digits_w4a8.tflite"],
];

function seedOf(name: string, bytes: Uint8Array): Seed {
  return createSeed(name, bytes, (file) =>
    importModel(file).values.flatMap(({ constant }) => (constant ? [constant.data] : [])),
  );
}

function sharedFiles(): [name: string, path: string][] {
  const index = sharedPath("golden", "malformed", "index.json");
  if (index === undefined) return [];
  const { controls } = JSON.parse(readFileSync(index, "utf8")) as {
    controls: { file: string; format: string }[];
  };
  return [
    ...controls
      .filter(({ format }) => format === "tflite")
      .map(({ file }) => ["golden", "malformed", file]),
    ...NETWORKS.map((path) => ["models", ...path]),
    ...operatorModels().map((file) => ["golden", "ops", file]),
  ].map((path) => [path.at(-1)!, sharedPath(...path)!]);
}

/** One-operator models, int8 and float. */
function operatorModels(): string[] {
  const folder = sharedPath("golden", "ops");
  return folder === undefined
    ? []
    : readdirSync(folder).filter(
        (file) => file.endsWith(".tflite") && statSync(join(folder, file)).size <= MAX_SEED_BYTES,
      );
}

/** Codes all over the range, small floats, small indices. */
function randomFeeds(model: Model, number: number): Record<string, TensorData> {
  const random = createRandom(number);
  const feeds = model.inputs.map(({ name }, i): [string, TensorData] => {
    const { format, shape } = model.graph.values[model.graph.inputs[i]!]!.type;
    const construct = dataConstructor(format);
    const count = Math.ceil((elementCount(shape) * format.bits) / 8 / construct.BYTES_PER_ELEMENT);
    const data = new construct(new ArrayBuffer(count * construct.BYTES_PER_ELEMENT), 0, count);
    for (let k = 0; k < count; k++) {
      if (data instanceof BigInt64Array) data[k] = BigInt(random(4));
      else if (data instanceof Float32Array) data[k] = random(2001) / 500 - 2;
      else data[k] = format.bits <= 8 ? random(256) : random(4);
    }
    return [name, data];
  });
  return Object.fromEntries(feeds);
}

type Outcome = "ran" | "ran as the oracle" | `refused: ${string}`;

async function outcomeOf(bytes: Uint8Array, number: number): Promise<Outcome> {
  const rounding = number % 2 === 0 ? "fp32" : "tflite-reference";
  try {
    const model = await load(bytes, { threads: 1, rounding, limits: LIMITS });
    try {
      const feeds = randomFeeds(model, number);
      const results = await model.run(feeds);
      return matchesOracle(model, feeds, results, rounding) ? "ran as the oracle" : "ran";
    } finally {
      await model.dispose();
    }
  } catch (error) {
    if (!(error instanceof BitlaneError) || error instanceof InternalError) throw error;
    return `refused: ${error.name}`;
  }
}

/** False if the model is too large to ask. Integer outputs are equal bit for bit. */
function matchesOracle(
  model: Model,
  feeds: Record<string, TensorData>,
  results: Record<string, TensorData>,
  rounding: "fp32" | "tflite-reference",
): boolean {
  const graph = model.graph;
  let operations = 0;
  for (const { operator, inputs, outputs } of graph.nodes) {
    const types = (ids: readonly number[]) => ids.map((id) => graph.values[id]?.type);
    const made = outputs.map((id) => graph.values[id]!.type);
    operations += operator.macs?.(types(inputs), made) ?? 0;
    for (const { shape } of made) operations += elementCount(shape);
  }
  if (operations > ORACLE_OPERATIONS) return false;
  const inputs = model.inputs.map(({ name }) => feeds[name]!);
  const computed = interpret(graph, inputs, rounding);
  graph.outputs.forEach((id, i) => {
    const expected = computed.get(id)!.data;
    const got = results[model.outputs[i]!.name]!;
    expect(got.length).toBe(expected.length);
    expect(firstDifference(got, expected)).toBe(-1);
  });
  return true;
}

/** Index of an element that is not equal, for floats not within 1e-5 of the largest; else -1. */
function firstDifference(got: TensorData, expected: TensorData): number {
  let largest = 0;
  if (expected instanceof Float32Array) {
    for (const value of expected) largest = Math.max(largest, Math.abs(value));
    // With infinities and NaN among the operands, the order of a sum decides which of them it is.
    if (!Number.isFinite(largest)) return -1;
  }
  for (let i = 0; i < expected.length; i++) {
    if (got[i] === expected[i]) continue;
    if (!(Math.abs(Number(got[i]) - Number(expected[i])) <= 1e-5 * largest)) return i;
  }
  return -1;
}

describe("mutated models", () => {
  const seeds: Seed[] = [];

  beforeAll(() => {
    seeds.push(seedOf("the sample network", sampleNetwork));
    for (const [name, path] of sharedFiles()) {
      // A copy: small files of Node share one buffer.
      seeds.push(seedOf(name, Uint8Array.from(readFileSync(path))));
    }
  });

  it("start from models that run as the oracle does", async () => {
    for (const { name, bytes } of seeds) {
      expect(await outcomeOf(bytes, 1), name).toMatch(/^ran/);
    }
  });

  it(
    `end in a typed error or a finished run (${COUNT})`,
    async () => {
      const outcomes = new Map<string, number>();
      const failures: string[] = [];
      for (let number = 1; number <= COUNT && failures.length < 10; number++) {
        const { history, bytes } = mutate(seeds, number);
        const start = process.cpuUsage();
        try {
          const outcome = await outcomeOf(bytes, number);
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        } catch (error) {
          failures.push(`${history}: ${error instanceof Error ? error.stack : String(error)}`);
        }
        const { user, system } = process.cpuUsage(start);
        const elapsed = (user + system) / 1000;
        if (elapsed > MAX_MS) failures.push(`${history}: ${elapsed.toFixed(0)} ms`);
      }
      expect(failures).toEqual([]);
      // The damage is of all sorts: a reader that refuses everything, or nothing, does not pass.
      expect(outcomes.get("ran as the oracle")).toBeGreaterThan(COUNT / 100);
      for (const name of ["FormatError", "ModelError", "ShapeError", "QuantizationError"]) {
        expect(outcomes.get(`refused: ${name}`), name).toBeGreaterThan(0);
      }
    },
    15 * 60_000,
  );

  it("cut at every offset are refused, or are whole", async () => {
    for (let length = 0; length < sampleNetwork.length; length++) {
      const outcome = await outcomeOf(sampleNetwork.slice(0, length), 1);
      expect(outcome, `${length} bytes`).toMatch(/^refused: FormatError|^ran as the oracle/);
    }
  });
});
