/**
 * Every operator of real networks against the activations that TFLite's reference kernels stored, by
 * its reference and by its kernels.
 */
import { describe, expect, test } from "vitest";
import type { TensorData } from "../src/tensor/index.ts";
import { compare } from "./golden.ts";
import { runOnKernels, storedNetworks, storedNodes, type StoredNode } from "./golden-nodes.ts";

function referenceOf({ node, inputs, outputs }: StoredNode): readonly TensorData[] {
  const context = {
    rounding: "tflite-reference",
    outputs: outputs.map(({ type }) => type),
  } as const;
  const results = node.operator.reference(inputs, node.attributes as never, context);
  return results.map(({ data }) => data);
}

describe.skipIf(storedNetworks().length === 0)(
  "stored activations of TFLite's reference kernels",
  () => {
    test("are there for eleven networks", () => {
      expect(storedNetworks().length).toBe(11);
    });

    test.each(storedNetworks())("of $model are what each operator gives", async (entry) => {
      let compared = 0;
      for (const stored of storedNodes(entry)) {
        const results = [referenceOf(stored), await runOnKernels(stored)];
        for (const [o, { type, data }] of stored.outputs.entries()) {
          for (const [i, by] of ["reference", "kernels"].entries()) {
            const place = `${stored.place} by its ${by}`;
            const difference = compare(results[i]![o]!, data);
            if (type.format.name === "float32") {
              expect(difference.relative, place).toBeLessThanOrEqual(1e-5);
            } else {
              expect({ place, ...difference }).toMatchObject({ place, different: 0 });
            }
            compared += difference.count;
          }
        }
      }
      expect(compared).toBeGreaterThan(0);
    });
  },
);
