/** The support matrix of README.md, from what operators take and what the plan does with it. */
import { BitlaneError } from "../src/errors.ts";
import { findFormat } from "../src/formats/index.ts";
import type { Graph } from "../src/graph/index.ts";
import { ROWS } from "../src/importers/tflite/operators.ts";
import { createPlan } from "../src/plan/index.ts";
import { basicLowerings } from "../src/plan/lower/index.ts";
import { withSeldom } from "../src/plan/lower/seldom.ts";
import { table } from "./markdown.ts";
import { SAMPLES, WEIGHTED_SAMPLES } from "./operator-samples.ts";

/** Formats of the first input. */
const INPUTS = ["int8", "uint8", "float32", "int32", "int64", "int16", "bool"] as const;

/** Of integers and float32. */
const lowerings = withSeldom(basicLowerings);

const RULES = ["fp32", "tflite-reference"] as const;

const WEIGHTS = [
  ...["int8", "uint8", "int4", "uint4", "int2", "uint2", "ternary", "binary", "float32"],
] as const;
const ACTIVATIONS = ["int8", "uint8", "uint4", "uint2", "uint1", "float32"] as const;

/** How one node runs: on kernels, in plain TypeScript, at no cost, or not at all (""). */
interface Path {
  readonly cell: string;
  readonly kernels: readonly string[];
}

function pathOf(graph: () => Graph): Path {
  let made: Graph;
  try {
    made = graph();
  } catch (error) {
    if (error instanceof BitlaneError) return { cell: "", kernels: [] };
    throw error;
  }
  const byRule = RULES.map(
    (rounding) => createPlan(made, { rounding, machine: { isa: "simd128" }, lowerings }).steps,
  );
  const kernels = byRule.flat().flatMap((step) => (step.kind === "kernel" ? [step.kernel] : []));
  if (byRule.flat().length === 0) return { cell: "free", kernels };
  const fast = RULES.filter((_, i) => byRule[i]!.every(({ kind }) => kind === "kernel"));
  const cell = fast.length === 0 ? "plain" : fast.length === 1 ? `SIMD (${fast[0]})` : "SIMD";
  return { cell, kernels };
}

/** What kernels of several formats share: the name up to the formats. */
function family(kernel: string): string {
  return kernel.replace(/_(?:[a-z]?\d).*$/, "");
}

/** Operator by format of the first input. */
export function operatorTable(): string {
  checkComplete();
  const rows = SAMPLES.map(({ operator, graph }) => {
    const paths = INPUTS.map((name) => pathOf(() => graph(findFormat(name)!)));
    const families = new Set(paths.flatMap(({ kernels }) => kernels.map(family)));
    return [operator.name, ...paths.map(({ cell }) => cell), [...families].join(", ")];
  });
  return table(["operator", ...INPUTS, "kernels"], rows);
}

/** Operator and format of its weights by format of its activations; equal rows are one. */
export function weightTable(): string {
  const rows = WEIGHTED_SAMPLES.flatMap(({ operator, graph }) => {
    const groups = Map.groupBy(WEIGHTS, (weights) => {
      const paths = ACTIVATIONS.map((name) =>
        pathOf(() => graph(findFormat(name)!, findFormat(weights)!)),
      );
      return paths.map(({ cell }) => cell).join("|");
    });
    return [...groups].map(([cells, weights]) => [
      operator.name,
      weights.join(", "),
      ...cells.split("|"),
    ]);
  });
  return table(["operator", "weights", ...ACTIVATIONS], rows);
}

/** @throws Error an operator of the importer without a sample */
function checkComplete(): void {
  const plain = (name: string): string => name.toLowerCase().replaceAll(/_|v2$/g, "");
  const sampled = new Set([...SAMPLES, ...WEIGHTED_SAMPLES].map((s) => plain(s.operator.name)));
  const missing = [...ROWS.keys()].filter((name) => !sampled.has(plain(name)));
  if (missing.length === 0) return;
  throw new Error(`scripts/operator-samples.ts: expected a sample of ${missing.join(", ")}`);
}
