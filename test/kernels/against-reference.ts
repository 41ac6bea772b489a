/** One graph on its kernels, on every build, against the oracle. */
import { expect } from "vitest";
import type { Graph } from "../../src/graph/index.ts";
import type { Step } from "../../src/plan/index.ts";
import type { Rounding } from "../../src/quantization/index.ts";
import type { TensorData } from "../../src/tensor/index.ts";
import { kernelsOf, randomData, randomSource, referenceOutputs, runGraph } from "./runner.ts";

export interface Expectation {
  /** Kernel of each step, in order; absent: whatever the plan takes. */
  readonly kernels?: readonly string[];
  readonly rounding?: Rounding;
  /** Kernel that must be taken where it fits; a relaxed one: on the relaxed builds. */
  readonly forced?: string;
  /** Default: relaxed for a relaxed kernel that is forced, else plain. */
  readonly isa?: "plain" | "relaxed";
  /** Also with a worker beside the caller; there must be several tiles then. */
  readonly threads?: boolean;
  /** Data of the graph's inputs; else random over the whole format. */
  readonly inputs?: readonly TensorData[];
}

/** Runs on a release and on a debug build: plain ones, but for a relaxed kernel that is asked for. */
export async function expectReference(
  graph: Graph,
  {
    kernels,
    rounding = "fp32",
    forced,
    isa = forced?.endsWith("_relaxed") === true ? "relaxed" : "plain",
    threads = false,
    inputs,
  }: Expectation = {},
): Promise<void> {
  const random = randomSource(1);
  const data = inputs ?? graph.inputs.map((id) => randomData(graph.values[id]!.type, random));
  const expected = referenceOutputs(graph, data, rounding);
  const choice = forced === undefined ? {} : { forced };
  for (const options of [
    { build: `release-${isa}` },
    { build: `debug-${isa}` },
    ...(threads ? [{ build: `release-${isa}`, workers: 1 } as const] : []),
  ] as const) {
    const { plan, outputs } = await runGraph(graph, data, { ...options, ...choice, rounding });
    if (kernels !== undefined) expect(kernelsOf(plan)).toEqual(kernels);
    if (threads) expect(Math.max(...plan.steps.map(tilesOf))).toBeGreaterThan(1);
    outputs.forEach((output, i) => {
      expect(firstDifference(output, expected[i]!), `output ${i} on ${options.build}`).toBe("");
    });
  }
}

function tilesOf(step: Step): number {
  return step.kind === "kernel" ? step.tiles : 0;
}

/** The first place where two tensors differ in a bit, in words; "" if none. All NaNs are one. */
function firstDifference(got: TensorData, expected: TensorData): string {
  if (got.byteLength !== expected.byteLength) return `${got.length} elements`;
  for (let i = 0; i < got.length; i++) {
    if (!Object.is(got[i], expected[i])) {
      return `element ${i} of ${got.length}: expected ${expected[i]}, got ${got[i]}`;
    }
  }
  return "";
}
