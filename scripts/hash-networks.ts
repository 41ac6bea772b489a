/**
 * Hashes the outputs of networks with the installed package. scripts/smoke.ts compiles this file to run
 * it on other versions of Node than the one that reads TypeScript.
 *
 * Usage: node hash-networks.js JOBS.json     prints the hashes of the jobs as a JSON list
 */
import { readFileSync } from "node:fs";
import { load, type LoadOptions } from "bitlane";
import { hashRun } from "../test/model/hash-run.ts";

export interface HashJob {
  /** Files. */
  readonly model: string;
  readonly input: string;
  readonly options: LoadOptions;
}

const jobs = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as readonly HashJob[];
const hashes: string[] = [];
for (const { model: file, input, options } of jobs) {
  const model = await load(file, options);
  hashes.push(await hashRun(model, new Uint8Array(readFileSync(input))));
  await model.dispose();
}
console.log(JSON.stringify(hashes));
