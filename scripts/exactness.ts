/**
 * Writes the tables of docs/exactness.md: bitlane, on its kernels, against the outputs and activations
 * that TFLite recorded in ../shared/golden. A test compares them with what lies here.
 *
 * Usage: node scripts/exactness.ts
 */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Comparison } from "../bench/accuracy/against-litert.ts";
import type { CodeDifference, FloatDifference } from "../src/cli/difference.ts";
import { readGolden } from "../src/cli/golden.ts";
import { type CaseReport, runCases } from "../src/cli/verify.ts";
import { ROWS } from "../src/importers/tflite/operators.ts";
import type { Rounding } from "../src/quantization/index.ts";
import { compare, type OpsIndex, readGraph, readJson, RULES } from "../test/golden.ts";
import { runOnKernels, storedNetworks, storedNodes } from "../test/golden-nodes.ts";
import { sharedPath } from "../test/shared.ts";
import { renderDocument } from "./documents.ts";
import { table } from "./markdown.ts";
import { root } from "./wasm.ts";

const DOCUMENT = "docs/exactness.md";

/** The document with fresh tables, or undefined where ../shared is missing. */
export async function renderExactness(): Promise<string | undefined> {
  const golden = sharedPath("golden");
  if (golden === undefined) return undefined;
  const sections = {
    ...(await operatorTables(join(golden, "ops", "index.json"))),
    ...(await networkTables(join(golden, "models", "index.json"))),
    ...(await activationTables()),
    unrecorded: await unrecorded(golden),
    litert: litertTable(),
  };
  return renderDocument(
    DOCUMENT,
    Object.fromEntries(Object.entries(sections).map(([name, text]) => [name, () => text])),
  );
}

/** What the outputs of several cases have in common. */
class Tally {
  cases = 0;
  codes = 0;
  different = 0;
  largest = 0;
  largestRelative = 0;

  add({ name, outputs, error }: CaseReport): void {
    if (error !== undefined) throw new Error(`${name}: ${error}`);
    this.cases++;
    for (const output of outputs) this.#addOutput(output);
  }

  #addOutput(output: CodeDifference | FloatDifference): void {
    if ("maxRelative" in output) {
      this.largestRelative = Math.max(this.largestRelative, output.maxRelative);
    } else {
      this.codes += output.codes;
      this.different += output.different;
      this.largest = Math.max(this.largest, output.maxLsb);
    }
  }

  get isFloat(): boolean {
    return this.codes === 0;
  }

  /** Cells behind the key and the rule. */
  get cells(): string[] {
    return this.isFloat
      ? [String(this.cases), relative(this.largestRelative)]
      : [this.cases, this.codes, this.different, this.largest].map(String);
  }
}

function relative(value: number): string {
  return value === 0 ? "0" : value.toExponential(1);
}

/** One tally for each key that `keyOf` gives to a case name, in order of appearance. */
async function tally(
  index: string,
  rounding: Rounding,
  keyOf: (name: string) => string,
): Promise<Map<string, Tally>> {
  const tallies = new Map<string, Tally>();
  const cases = (await readGolden(index, rounding, undefined)).filter(
    ({ outputs }) => outputs.length > 0,
  );
  for await (const report of runCases(cases, { rounding, threads: 1 })) {
    const key = keyOf(report.name);
    if (!tallies.has(key)) tallies.set(key, new Tally());
    tallies.get(key)!.add(report);
  }
  return tallies;
}

async function operatorTables(
  index: string,
): Promise<Record<"operators" | "floatOperators", string>> {
  const groups = new Map<string, string>();
  for (const { name, ...forms } of readJson<OpsIndex>(index).cases) {
    // Two keys: integer and float cases of an operator are rows of different tables.
    groups.set(`${name}.int8`, forms.int8.operators.join(" + "));
    groups.set(`${name}.f32`, `${forms.f32.operators.join(" + ")}${FLOAT_KEY}`);
  }
  const [operators, floatOperators] = await ruleTables("operator", index, (name) =>
    groups.get(name)!,
  );
  return { operators: operators!, floatOperators: floatOperators! };
}

async function networkTables(index: string): Promise<Record<"networks" | "floatNetworks", string>> {
  const keyOf = (name: string): string => name.slice(0, name.indexOf(".tflite"));
  const [networks, floatNetworks] = await ruleTables("network", index, keyOf);
  return { networks: networks!, floatNetworks: floatNetworks! };
}

/** End of a key that is not printed. */
const FLOAT_KEY = " (float32)";

/** One row per key and rule, in two tables: integer and float outputs. */
async function ruleTables(
  title: string,
  index: string,
  keyOf: (name: string) => string,
): Promise<string[]> {
  const rows: { readonly isFloat: boolean; readonly cells: string[] }[] = [];
  for (const { rounding } of RULES) {
    for (const [key, { isFloat, cells }] of await tally(index, rounding, keyOf)) {
      rows.push({ isFloat, cells: [key.replace(FLOAT_KEY, ""), `\`${rounding}\``, ...cells] });
    }
  }
  // The sort is stable: it keeps the order of the rules.
  rows.sort((a, b) => compareText(a.cells[0]!, b.cells[0]!));
  const pick = (wanted: boolean) =>
    rows.filter(({ isFloat }) => isFloat === wanted).map(({ cells }) => cells);
  const head = [title, "rule", "cases"];
  return [
    table([...head, "codes", "different", "largest difference"], pick(false)),
    table([...head, "largest difference"], pick(true)),
  ];
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Node by node on recorded inputs: integer activations by operator, float ones by network. */
async function activationTables(): Promise<Record<"activations" | "floatActivations", string>> {
  const integers: string[][] = [];
  const floats: string[][] = [];
  for (const entry of storedNetworks()) {
    const network = entry.model.replace(".tflite", "");
    const byOperator = new Map<string, [count: number, values: number, different: number]>();
    let [count, values, largest] = [0, 0, 0];
    for (const stored of storedNodes(entry)) {
      const results = await runOnKernels(stored);
      stored.outputs.forEach(({ type, data }, i) => {
        const difference = compare(results[i]!, data);
        if (type.format.kind === "float") {
          count++;
          values += difference.count;
          largest = Math.max(largest, difference.relative);
        } else {
          const { name } = stored.node.operator;
          const sums = byOperator.get(name) ?? [0, 0, 0];
          const [tensors, codes, different] = sums;
          byOperator.set(name, [
            tensors + 1,
            codes + difference.count,
            different + difference.different,
          ]);
        }
      });
    }
    for (const [operator, sums] of [...byOperator].sort(([a], [b]) => compareText(a, b))) {
      integers.push([network, operator, ...sums.map(String)]);
    }
    if (count > 0) floats.push([network, String(count), String(values), relative(largest)]);
  }
  return {
    activations: table(["network", "operator", "activations", "values", "different"], integers),
    floatActivations: table(["network", "activations", "values", "largest difference"], floats),
  };
}

/** What the newest result of `bench/accuracy.ts --against litert` says. */
function litertTable(): string {
  const folder = join(root, "bench/results");
  const file = readdirSync(folder)
    .filter((name) => name.startsWith("accuracy-litert-"))
    .sort()
    .at(-1)!;
  const { versions, networks } = readJson<LitertReport>(join(folder, file));
  const rows = networks.map((row) => [
    row.model.replace(".tflite", ""),
    ...[row.samples, row.correct, row.theirCorrect, row.sameTop1, row.values].map(String),
    row.isFloat ? "" : String(row.different),
    row.isFloat ? relative(row.largestDifference) : String(row.largestDifference),
  ]);
  const head = ["network", "samples", "bitlane right", "LiteRT right", "same answer"];
  return [
    table([...head, "values", "different", "largest difference"], rows),
    `bench/results/${file}: @litertjs/core ${versions.litert}, Chromium ${versions.chromium}.`,
  ].join("\n\n");
}

interface LitertReport {
  readonly versions: { readonly litert: string; readonly chromium: string };
  readonly networks: readonly (Comparison & { readonly model: string })[];
}

/** Operators of the importer that no recorded model has. */
async function unrecorded(golden: string): Promise<string> {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/_|v2$/g, "");
  const recorded = new Set<string>();
  const files = new Set<string>();
  for (const index of ["ops", "models"]) {
    const file = join(golden, index, "index.json");
    for (const { model } of await readGolden(file, "fp32", undefined)) files.add(model);
  }
  for (const file of files) {
    for (const { operator } of readGraph(file).nodes) recorded.add(plain(operator.name));
  }
  const missing = [...ROWS.keys()].filter((name) => !recorded.has(plain(name)));
  return `${missing.sort().join(", ")}.`;
}

if (import.meta.main) {
  const text = await renderExactness();
  if (text === undefined) {
    console.error("expected ../shared/golden, found nothing");
    process.exitCode = 1;
  } else {
    writeFileSync(join(root, DOCUMENT), text);
  }
}
