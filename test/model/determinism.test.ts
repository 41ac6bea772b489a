import { describe, expect, test } from "vitest";
import { load, type LoadOptions } from "../../src/index.ts";
import { hashResults } from "./hash.ts";
import { asInput, firstInput, goldenNetworks, networkPath, storedHashes } from "./networks.ts";

const hashes = storedHashes();

// Every step that has more than one tile goes to the workers: minPoolMacs 0.
const ways: LoadOptions[] = [
  { threads: 1, isa: "simd128" },
  { threads: 1, isa: "relaxed" },
  { threads: 2, isa: "simd128", minPoolMacs: 0 },
  { threads: 2, isa: "relaxed", minPoolMacs: 0 },
  { threads: 4, isa: "simd128", minPoolMacs: 0 },
];

const networks = goldenNetworks();

describe.skipIf(networks.length === 0)(
  "one network, one input, one rule: the same bytes however it is run",
  () => {
    test("there are 29 networks", () => {
      expect(networks.length).toBe(29);
    });

    test.for(networks.map((n) => [n.model, n] as const))("%s", async ([name, network]) => {
      const bytes = firstInput(network);
      for (const rounding of ["fp32", "tflite-reference"] as const) {
        for (const way of rounding === "fp32" ? ways : ways.slice(0, 1)) {
          const model = await load(networkPath(network), { ...way, rounding });
          const input = asInput(model, bytes);
          const results = await model.run(input);
          expect(hashResults(model, results), JSON.stringify({ rounding, ...way })).toBe(
            hashes[name]?.[rounding],
          );
          await model.dispose();
        }
      }
    });
  },
);
