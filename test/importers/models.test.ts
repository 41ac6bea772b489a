/** Real networks, against what TFLite says of their tensors. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { inferGraph } from "../../src/graph/index.ts";
import { importModel } from "../../src/importers/index.ts";
import { sharedPath } from "../shared.ts";

interface Described {
  readonly shape: readonly number[];
  readonly dtype: string;
}

interface Golden {
  readonly model: string;
  readonly cases: readonly {
    readonly input: Described;
    readonly outputs: readonly Described[];
    readonly activations?: {
      readonly tensors: readonly (Described & {
        readonly index: number;
        readonly name: string;
        readonly scale: readonly number[];
        readonly zero_point: readonly number[];
      })[];
    };
  }[];
}

const index = sharedPath("golden", "models", "index.json");
const models = sharedPath("models");
const golden: readonly Golden[] =
  index === undefined ? [] : (JSON.parse(readFileSync(index, "utf8")) as Golden[]);

describe.skipIf(models === undefined)("the networks of ../shared/models", () => {
  it.each(golden)("$model has the tensors that TFLite finds in it", ({ model, cases }) => {
    const graph = importModel(readFileSync(join(models!, model)));
    const describeValue = (id: number): Described => {
      const { format, shape } = graph.values[id]!.type;
      return { dtype: format.name, shape };
    };
    const { input, outputs, activations } = cases[0]!;
    const only = ({ dtype, shape }: Described): Described => ({ dtype, shape });
    expect(graph.inputs.map(describeValue)).toEqual([only(input)]);
    expect(graph.outputs.map(describeValue)).toEqual(outputs.map(only));
    for (const tensor of activations?.tensors ?? []) {
      const { name, type } = graph.values[tensor.index]!;
      expect(name).toBe(tensor.name);
      expect({ dtype: type.format.name, shape: type.shape }).toEqual(only(tensor));
      expect([...(type.quantization?.scale ?? [])]).toEqual(tensor.scale);
      expect([...(type.quantization?.zeroPoint ?? [])]).toEqual(tensor.zero_point);
    }
  });

  it.each(golden)("$model has the shapes that its operators infer", ({ model }) => {
    const graph = importModel(readFileSync(join(models!, model)));
    const inferred = inferGraph(graph);
    inferred.values.forEach((value, id) => {
      expect(value.type.shape, value.name).toEqual(graph.values[id]!.type.shape);
    });
  });
});
