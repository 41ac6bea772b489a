/**
 * Writes test/model/hashes.json: SHA-256 of each golden network's outputs for the input of its first
 * case, under both rules. The tests hold every thread count, build and host to it. Run it only when
 * the numbers are meant to change.
 */
import { writeFileSync } from "node:fs";
import { load } from "../src/index.ts";
import { hashResults } from "../test/model/hash.ts";
import { asInput, firstInput, goldenNetworks, networkPath } from "../test/model/networks.ts";

const hashes: Record<string, Record<string, string>> = {};
for (const network of goldenNetworks()) {
  const byRule: Record<string, string> = {};
  for (const rounding of ["fp32", "tflite-reference"] as const) {
    const model = await load(networkPath(network), { threads: 1, isa: "simd128", rounding });
    const results = model.runSync(asInput(model, firstInput(network)));
    byRule[rounding] = hashResults(model, results);
    await model.dispose();
  }
  hashes[network.model] = byRule;
  console.log(network.model, byRule);
}
const comment =
  "SHA-256 of all outputs of each golden network for the input of its case 0, by rounding rule. Written by scripts/hashes.ts";
writeFileSync(
  new URL("../test/model/hashes.json", import.meta.url),
  `${JSON.stringify({ _comment: comment, hashes }, undefined, 2)}\n`,
);
