/** What a model says about itself: memory by purpose, and its steps. */
import { ABSENT, describeNode, type Graph } from "../graph/index.ts";
import type { Plan } from "../plan/index.ts";
import type { Runner } from "../schedule/index.ts";
import { typeBytes } from "../tensor/index.ts";

/** Bytes of the model's one linear memory, by purpose. */
export interface MemoryUse {
  readonly totalBytes: number;
  /** Packed weights, tables and constant operands. */
  readonly weightBytes: number;
  /** One arena; there is one per lane. */
  readonly arenaBytes: number;
  /** No arena can be smaller: the largest sum of live buffers over the steps. */
  readonly arenaLowerBound: number;
  readonly lanes: number;
  /** Working memory of one thread. */
  readonly scratchBytes: number;
}

export function memoryUse(plan: Plan, { binding }: Runner): MemoryUse {
  return {
    totalBytes: binding.layout.totalBytes,
    weightBytes: plan.constantBytes,
    arenaBytes: plan.arenaBytes,
    arenaLowerBound: plan.arenaLowerBound,
    lanes: binding.layout.laneAddresses.length,
    scratchBytes: plan.scratchBytes,
  };
}

/** One step of a run. */
export interface StepInfo {
  readonly node: string;
  /** Operator and form, e.g. "Conv2D 3x3 s2". */
  readonly label: string;
  /** Kernel name, or "reference". */
  readonly kernel: string;
  readonly macs: number;
  /** Of the node's inputs and outputs, without constants. */
  readonly bytes: number;
  readonly tiles: number;
}

export function describeSteps(graph: Graph, plan: Plan): StepInfo[] {
  return plan.steps.map((step) => ({
    node: describeNode(graph, step.node),
    label: step.label,
    kernel: step.kind === "kernel" ? step.kernel : "reference",
    macs: step.macs,
    bytes: nodeBytes(graph, step.node),
    tiles: step.kind === "kernel" ? step.tiles : 1,
  }));
}

function nodeBytes({ nodes, values }: Graph, index: number): number {
  const { inputs, outputs } = nodes[index]!;
  const ids = [...inputs, ...outputs].filter((id) => id !== ABSENT);
  return ids.reduce((sum, id) => {
    const { type, constant } = values[id]!;
    return constant === undefined ? sum + typeBytes(type) : sum;
  }, 0);
}
