/**
 * The nodes of a network between the activations that TFLite's reference kernels stored: what each was
 * given and what it gave. Fed one by one, no difference can hide behind another.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { ABSENT, type Graph, type Node, type ValueId } from "../src/graph/index.ts";
import { type Tensor, type TensorData, tensorFromBytes } from "../src/tensor/index.ts";
import { type ModelsIndex, readElements, readGraph, readJson } from "./golden.ts";
import { nodeGraph, runGraph } from "./kernels/runner.ts";
import { sharedPath } from "./shared.ts";

const golden = sharedPath("golden", "models");
const models = sharedPath("models");

export type StoredNetwork = ModelsIndex[number];

/** The networks with stored activations; none where the shared material is missing. */
export function storedNetworks(): readonly StoredNetwork[] {
  if (golden === undefined || models === undefined) return [];
  return readJson<ModelsIndex>(join(golden, "index.json")).filter(
    (entry) => entry.cases[0]!.activations !== undefined,
  );
}

export interface StoredNode {
  readonly node: Node;
  /** Number and operator, for messages. */
  readonly place: string;
  readonly inputs: readonly (Tensor | undefined)[];
  /** By input: a constant of the file. */
  readonly isConstant: readonly boolean[];
  readonly outputs: readonly Tensor[];
}

/** @throws Error an activation that the file names and the network does not have, or lacks */
export function storedNodes(entry: StoredNetwork): StoredNode[] {
  const graph = readGraph(join(models!, entry.model));
  const stored = storedTensors(graph, entry);
  const tensor = (id: ValueId): Tensor => {
    const found = stored.get(id);
    if (found === undefined) throw new Error(`${graph.values[id]!.name}: no stored activation`);
    return found;
  };
  return graph.nodes.map((node, i) => ({
    node,
    place: `node ${i} (${node.operator.name})`,
    inputs: node.inputs.map((id) => (id === ABSENT ? undefined : tensor(id))),
    isConstant: node.inputs.map((id) => graph.values[id]?.constant !== undefined),
    outputs: node.outputs.map(tensor),
  }));
}

/** Constants, the input and the stored activations of case 0. */
function storedTensors(graph: Graph, entry: StoredNetwork): Map<ValueId, Tensor> {
  const { input, activations } = entry.cases[0]!;
  const bytes = new Uint8Array(gunzipSync(readFileSync(join(golden!, activations!.file))));
  const tensors = new Map<ValueId, Tensor>();
  graph.values.forEach(({ constant }, id) => {
    if (constant !== undefined) tensors.set(id, constant);
  });
  const inputType = graph.values[graph.inputs[0]!]!.type;
  tensors.set(graph.inputs[0]!, {
    type: inputType,
    data: readElements(inputType, golden!, input.file),
  });
  for (const { name, offset, bytes: size } of activations!.tensors) {
    const id = graph.values.findIndex((value) => value.name === name);
    if (id < 0) throw new Error(`${entry.model}: expected a value named ${name}`);
    const { type } = graph.values[id]!;
    tensors.set(id, tensorFromBytes(type, bytes.slice(offset, offset + size)));
  }
  return tensors;
}

/** A node on its kernels, under TFLite's reference rule. */
export async function runOnKernels(stored: StoredNode): Promise<readonly TensorData[]> {
  const { node, inputs, isConstant } = stored;
  const graph = nodeGraph(
    node.operator,
    node.attributes as never,
    inputs.map((tensor, i) => (isConstant[i] ? tensor : tensor?.type)),
    stored.outputs.map(({ type }) => type),
  );
  const data = inputs.filter((_, i) => !isConstant[i]).flatMap((tensor) => tensor?.data ?? []);
  const { outputs } = await runGraph(graph, data, { rounding: "tflite-reference", isNoted: false });
  return outputs;
}
