/** A network re-quantized at load, on this machine and with facts of it denied. */
import { basename } from "node:path";
import { simplify } from "../../src/graph/index.ts";
import { readGraph } from "../../src/model/index.ts";
import {
  bind,
  bindRevectorized,
  findScheme,
  leastTimes,
  MACHINES,
  MARKS,
  planFor,
} from "./machines.ts";

export interface NetworkRow {
  readonly model: string;
  readonly scheme: string;
  readonly machine: string;
  readonly ms: number;
  /** The same where the engine pairs vectors, in turn with the other. */
  readonly revectorizedMs?: number;
  readonly constantBytes: number;
  /** Milliseconds by kernel are not known; how many steps each takes is. */
  readonly kernels: Readonly<Record<string, number>>;
}

/** Time in which the engine replaces the baseline code of a network. */
const HOT_MS = 1500;

/** @param ms of measuring on each machine */
export async function* measureNetwork(
  file: string,
  scheme: string,
  ms: number,
  revectorize: boolean,
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
    const second = revectorize ? [await bindRevectorized(plan, HOT_MS)] : [];
    const [least, revectorizedMs] = await leastTimes([bind(plan), ...second], ms);
    const { constantBytes } = plan;
    const row = {
      model: basename(file),
      scheme,
      machine: name,
      ms: least!,
      constantBytes,
      kernels,
    };
    yield revectorizedMs === undefined ? row : { ...row, revectorizedMs };
  }
}
