/**
 * Every operator of real networks against the activations that TFLite's reference kernels stored:
 * each node is fed the golden inputs, so that one difference cannot hide behind another.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ABSENT, type Graph, type ValueId } from "../src/graph/index.ts";
import { type Tensor, tensorFromBytes } from "../src/tensor/index.ts";
import { compare, type ModelsIndex, readElements, readGraph, readJson } from "./golden.ts";
import { sharedPath } from "./shared.ts";

const golden = sharedPath("golden", "models");
const models = sharedPath("models");
const isMissing = golden === undefined || models === undefined;
const index = isMissing ? [] : readJson<ModelsIndex>(join(golden, "index.json"));
const networks = index.filter((entry) => entry.cases[0]!.activations !== undefined);

/** Constants, the input and the stored activations of case 0. */
function storedTensors(graph: Graph, entry: ModelsIndex[number]): Map<ValueId, Tensor> {
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
    expect(id, name).toBeGreaterThanOrEqual(0);
    const { type } = graph.values[id]!;
    tensors.set(id, tensorFromBytes(type, bytes.slice(offset, offset + size)));
  }
  return tensors;
}

describe.skipIf(isMissing)("stored activations of TFLite's reference kernels", () => {
  test("are there for eleven networks", () => {
    expect(networks.length).toBe(11);
  });

  test.each(networks)("of $model are what each operator gives", (entry) => {
    const graph = readGraph(join(models!, entry.model));
    const stored = storedTensors(graph, entry);
    let compared = 0;
    graph.nodes.forEach((node, i) => {
      const inputs = node.inputs.map((id) => (id === ABSENT ? undefined : stored.get(id)));
      const outputs = node.outputs.map((id) => graph.values[id]!.type);
      expect(node.inputs.every((id) => id === ABSENT || stored.has(id))).toBe(true);
      const context = { rounding: "tflite-reference", outputs } as const;
      const results = node.operator.reference(inputs, node.attributes as never, context);
      node.outputs.forEach((id, o) => {
        const { type, data } = results[o]!;
        const difference = compare(data, stored.get(id)!.data);
        const place = `node ${i} (${node.operator.name})`;
        if (type.format.name === "float32") {
          expect(difference.relative, place).toBeLessThanOrEqual(1e-5);
        } else {
          expect({ place, ...difference }).toMatchObject({ place, different: 0 });
        }
        compared += difference.count;
      });
    });
    expect(compared).toBeGreaterThan(0);
  });
});
