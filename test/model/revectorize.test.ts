import { describe, expect, test } from "vitest";
import { load } from "../../src/index.ts";
import { whyNoRevectorization } from "../../src/wasm/index.ts";
import { hashResults } from "./hash.ts";
import { asInput, firstInput, goldenNetworks, networkPath, storedHashes } from "./networks.ts";

/** Runs after which the engine has replaced its baseline code. */
const RUNS = 20;

const networks = goldenNetworks();
const isPossible = whyNoRevectorization() === undefined;

describe.skipIf(networks.length === 0 || !isPossible)(
  "with revectorization every network gives its hash, in its first run and when it is hot",
  () => {
    test.for(networks.map((network) => [network.model, network] as const))(
      "%s",
      async ([name, network]) => {
        const expected = storedHashes()[name]?.["fp32"];
        await using model = await load(networkPath(network), { threads: 1, revectorize: true });
        expect(model.diagnostics.filter((text) => text.includes("revectorized"))).toEqual([]);
        const input = asInput(model, firstInput(network));
        expect(hashResults(model, model.runSync(input))).toBe(expected);
        const end = performance.now() + 1000;
        for (let run = 1; run < RUNS && performance.now() < end; run++) model.runSync(input);
        expect(hashResults(model, model.runSync(input))).toBe(expected);
      },
    );
  },
);
