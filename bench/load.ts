/**
 * What it takes from nothing to a model that can run: importing the package, then loading a network twice,
 * in processes of their own, by turns. One thread. Milliseconds: the least and the median of all rounds.
 *
 *     npm run bench:load -- [--networks a,b] [--rounds N] [--dist FOLDER]… [--brief] [--output FILE]
 *
 *     --networks  names of bench/rivals/networks.ts (default: kws,mobilenet_v2,resnet50)
 *     --rounds    processes for each network (default 15)
 *     --dist      built packages to be compared (default: dist)
 *     --brief     3 rounds
 *     --output    where the JSON goes (default: a dated file in bench/results)
 */
import { spawnSync } from "node:child_process";
import { join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { beginReport, writeReport } from "./report.ts";
import { findFile } from "./rivals/harness/network.ts";
import { findNetwork, readNetworkNames } from "./rivals/networks.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

const { values } = parseArgs({
  options: {
    networks: { type: "string", default: "kws,mobilenet_v2,resnet50" },
    rounds: { type: "string" },
    dist: { type: "string", multiple: true, default: [join(root, "dist")] },
    brief: { type: "boolean", default: false },
    output: { type: "string" },
  },
});
const rounds = Number(values.rounds ?? (values.brief ? 3 : 15));

/** Bytes to ready: the file is read before the clock starts. A stage ends where the next one begins. */
const PROGRAM = `
  import { readFileSync } from "node:fs";
  const [dist, file] = process.argv.slice(1);
  const bytes = new Uint8Array(readFileSync(file));
  const begin = performance.now();
  const { load } = await import(dist);
  const times = { import: performance.now() - begin };
  for (const turn of ["first", "second"]) {
    let last = performance.now();
    const start = last;
    let stage = "";
    const model = await load(bytes, {
      threads: 1,
      onProgress: (progress) => {
        const now = performance.now();
        if (stage !== "") times[turn + " " + stage] = (times[turn + " " + stage] ?? 0) + now - last;
        [stage, last] = [progress.stage, now];
      },
    });
    times[turn] = performance.now() - start;
    await model.dispose();
  }
  console.log(JSON.stringify(times));
`;

/** Milliseconds by name: "import", "first", "first plan", … */
type Times = Readonly<Record<string, number>>;

function loadOnce(dist: string, file: string): Times {
  const url = pathToFileURL(resolve(dist, "index.js")).href;
  const args = ["--input-type=module", "--eval", PROGRAM, url, file];
  const child = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (child.status !== 0) throw new Error(child.stderr);
  return JSON.parse(child.stdout) as Times;
}

interface Row {
  readonly name: string;
  readonly least: number;
  readonly median: number;
}

function summarize(samples: readonly Times[]): Row[] {
  return Object.keys(samples[0]!).map((name) => {
    const sorted = samples.map((times) => times[name]!).toSorted((a, b) => a - b);
    return { name, least: sorted[0]!, median: sorted[sorted.length >> 1]! };
  });
}

const head = beginReport("npm run bench:load --");
const results = [];
for (const network of readNetworkNames(values.networks)) {
  const file = findFile(findNetwork(network).tflite);
  if (file === undefined) throw new Error(`network ${network}: expected ../shared`);
  const samples = new Map(values.dist.map((dist): [string, Times[]] => [dist, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [dist, times] of samples) times.push(loadOnce(dist, file));
  }
  for (const [dist, times] of samples) {
    const rows = summarize(times);
    results.push({ network, dist: relative(root, dist), rows });
    console.log(`${network}${values.dist.length > 1 ? `, ${dist}` : ""}`);
    for (const { name, least, median } of rows) {
      console.log(
        `  ${name.padEnd(16)}${least.toFixed(1).padStart(8)}${median.toFixed(1).padStart(8)}`,
      );
    }
  }
}
writeReport("load", head, { rounds, results }, { isBrief: values.brief, output: values.output });
