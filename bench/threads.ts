/**
 * What threads cost and what they give: wake-up, barrier and claim in microseconds, then networks on one
 * and on several threads in turns.
 *
 *     npm run bench:threads -- [--threads N] [--networks a,b] [--rounds N] [--brief] [--output FILE] [MODEL…]
 *
 *     MODEL       TFLite files
 *     --networks  names of bench/rivals/networks.ts, int8 for all of them (default: digits)
 *     --threads   threads of one inference beside one (default 2)
 *     --rounds    turns of every way (default 15)
 *     --brief     short turns
 *     --output    where the JSON goes (default: a dated file in bench/results)
 */
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { beginReport, writeReport } from "./report.ts";
import { findFile } from "./rivals/harness/network.ts";
import { BRIEF_NETWORK, findNetwork, readNetworkNames } from "./rivals/networks.ts";
import { measureCosts } from "./threads/costs.ts";
import { measureNetwork, type NetworkTimes } from "./threads/networks.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "2" },
    networks: { type: "string" },
    rounds: { type: "string" },
    brief: { type: "boolean", default: false },
    output: { type: "string" },
  },
});
const isBrief = values.brief;
const threads = Number(values.threads);
const rounds = Number(values.rounds ?? (isBrief ? 3 : 15));
const named =
  values.networks === undefined && positionals.length > 0
    ? []
    : readNetworkNames(values.networks ?? BRIEF_NETWORK);
const models = [
  ...named.map((name) => ({ name, file: findFile(findNetwork(name).tflite) })),
  ...positionals.map((file) => ({ name: basename(file), file })),
];

const head = beginReport("npm run bench:threads --");
const costs = await measureCosts(threads, isBrief ? 80 : 600);
const networks: NetworkTimes[] = [];
for (const { name, file } of models) {
  if (file === undefined) throw new Error(`network ${name}: expected ../shared`);
  networks.push(await measureNetwork(name, file, { threads, rounds, turnMs: isBrief ? 20 : 60 }));
}
writeReport(
  `threads-${threads}t`,
  head,
  { threads, costs, networks },
  { isBrief, output: values.output },
);
