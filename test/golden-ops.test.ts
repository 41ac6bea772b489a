/**
 * The references against TFLite on models of one operator or a small block: codes equal, floats
 * within 1e-5 of the largest output.
 */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { interpret } from "../src/graph/index.ts";
import {
  compare,
  type OpsForm,
  type OpsIndex,
  readElements,
  readGraph,
  readJson,
  RULES,
} from "./golden.ts";
import { sharedPath } from "./shared.ts";

const folder = sharedPath("golden", "ops");
const cases = folder === undefined ? [] : readJson<OpsIndex>(join(folder, "index.json")).cases;

function checkForm(form: OpsForm, path: "reference" | "xnnpack", isExact: boolean): void {
  const { rounding } = RULES.find((rule) => rule.path === path)!;
  const graph = readGraph(join(folder!, form.model));
  const inputs = graph.inputs.map((id, i) =>
    readElements(graph.values[id]!.type, folder!, form.inputs[i]!.file),
  );
  const tensors = interpret(graph, inputs, rounding);
  expect(graph.outputs.length).toBe(form.outputs.length);
  graph.outputs.forEach((id, i) => {
    const { type, data } = tensors.get(id)!;
    const difference = compare(data, readElements(type, folder!, form.outputs[i]![path]!));
    expect(difference.count).toBeGreaterThan(0);
    if (isExact) expect(difference).toMatchObject({ different: 0 });
    else expect(difference.relative).toBeLessThanOrEqual(1e-5);
  });
}

describe.skipIf(folder === undefined)("one-operator networks of TFLite", () => {
  test("are the 70 cases of the index", () => {
    expect(cases.length).toBe(70);
  });

  describe.each(RULES)("under $rounding", ({ path }) => {
    test.each(cases)("$name gives the same codes", ({ int8 }) => {
      checkForm(int8, path, true);
    });
    test.each(cases)("$name in float32 is close", ({ f32 }) => {
      checkForm(f32, path, false);
    });
  });
});
