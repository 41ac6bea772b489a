/** A network re-quantized at load, on this machine and with facts of it denied. */
import { basename } from "node:path";
import { simplify } from "../../src/graph/index.ts";
import { readGraph } from "../../src/model/index.ts";
import { bind, findScheme, leastTime, MACHINES, MARKS, planFor } from "./machines.ts";

export interface NetworkRow {
  readonly model: string;
  readonly scheme: string;
  readonly machine: string;
  readonly ms: number;
  readonly constantBytes: number;
  /** Milliseconds by kernel are not known; how many steps each takes is. */
  readonly kernels: Readonly<Record<string, number>>;
}

/** @param ms of measuring on each machine */
export async function* measureNetwork(
  file: string,
  scheme: string,
  ms: number,
): AsyncGenerator<NetworkRow> {
  const { weights, network: activations, blockSize: groupSize } = findScheme(scheme);
  const graph = simplify(await readGraph(file, { weights, activations, groupSize }), "fp32");
  for (const mark of MARKS) {
    const { name, machine } = MACHINES[mark];
    const plan = planFor(graph, machine);
    const kernels: Record<string, number> = {};
    for (const step of plan.steps) {
      const kernel = step.kind === "kernel" ? step.kernel : "reference";
      kernels[kernel] = (kernels[kernel] ?? 0) + 1;
    }
    const least = await leastTime(bind(plan), ms);
    const { constantBytes } = plan;
    yield { model: basename(file), scheme, machine: name, ms: least, constantBytes, kernels };
  }
}
