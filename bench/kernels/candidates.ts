/** The kernels that can compute a case: each bound to memory, run once and compared. */
import type { Mode } from "../../scripts/wasm.ts";
import type { Graph } from "../../src/graph/index.ts";
import { kernelTable } from "../../src/kernels/index.ts";
import { createPlan, loadLowerings, type Plan } from "../../src/plan/index.ts";
import { bindPlan, Runner } from "../../src/schedule/index.ts";
import { type TensorData, typeBytes, viewData } from "../../src/tensor/index.ts";
import {
  kernelsOf,
  loadBuilt,
  randomData,
  randomSource,
  referenceOutputs,
} from "../../test/kernels/runner.ts";
import type { Build } from "./build.ts";
import type { BenchCase } from "./cases.ts";

export interface Candidate {
  readonly kernel: string;
  readonly macs: number;
  /** Of inputs and outputs, without constants. */
  readonly bytes: number;
  /** The plan takes it of its own accord. */
  readonly isSelected: boolean;
  readonly isRight: boolean;
  run(): void;
}

/** @throws Error where no kernel takes the case */
export async function candidatesOf(
  { name, graph, rivals }: BenchCase,
  { machine, mode }: Build,
): Promise<Candidate[]> {
  const lowerings = await loadLowerings(graph);
  const plan = (forced?: string) =>
    createPlan(graph, {
      rounding: "fp32",
      machine,
      lowerings,
      ...(forced === undefined ? {} : { forced }),
    });
  const selected = plan();
  const [own] = kernelsOf(selected);
  if (own === undefined || own === "reference") throw new Error(`${name}: expected a kernel`);
  const plans = new Map([[own, selected]]);
  for (const { name: kernel, isa } of kernelTable.values()) {
    const isThere = isa === "simd128" || machine.isa === "relaxed";
    if (rivals?.test(kernel) !== true || !isThere) continue;
    const other = plan(kernel);
    if (kernelsOf(other).every((used) => used === kernel)) plans.set(kernel, other);
  }
  const inputs = graph.inputs.map((id, i) =>
    randomData(graph.values[id]!.type, randomSource(7 + i)),
  );
  const expected = referenceOutputs(graph, inputs).map(bytesOf);
  return Promise.all(
    [...plans].map(async ([kernel, its]) => ({
      kernel,
      isSelected: kernel === own,
      ...(await prepare(graph, its, mode, inputs, expected)),
    })),
  );
}

async function prepare(
  graph: Graph,
  plan: Plan,
  mode: Mode,
  inputs: readonly TensorData[],
  expected: readonly Uint8Array[],
): Promise<Omit<Candidate, "kernel" | "isSelected">> {
  const binding = bindPlan(plan, loadBuilt(plan, mode), {
    workers: 0,
    lanes: 1,
    maxMemoryBytes: 2 ** 31,
  });
  const view = (id: number): Uint8Array => {
    const address = binding.address(plan.places.get(id)!, 0);
    return bytesOf(viewData(graph.values[id]!.type, binding.program.memory.buffer, address));
  };
  graph.inputs.forEach((id, i) => view(id).set(bytesOf(inputs[i]!)));
  const runner = await Runner.start(binding, () => undefined);
  runner.runSync(false);
  const size = (id: number) => typeBytes(graph.values[id]!.type);
  return {
    macs: plan.steps.reduce((sum, step) => sum + step.macs, 0),
    bytes: [...graph.inputs, ...graph.outputs].reduce((sum, id) => sum + size(id), 0),
    isRight: graph.outputs.every((id, i) => {
      const answer = view(id);
      return expected[i]!.every((byte, at) => answer[at] === byte);
    }),
    run: () => runner.runSync(false),
  };
}

function bytesOf({ buffer, byteOffset, byteLength }: TensorData): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
