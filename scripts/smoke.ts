/**
 * Installs the built package into an empty folder and runs it there, by `import`, by `require()` and
 * from the command line, under a Node of the caller's choice. Where ../shared is present, all its networks
 * must give their stored hashes there.
 *
 * Usage: node scripts/smoke.ts [path of a node binary]
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { goldenNetworks, inputPath, networkPath, storedHashes } from "../test/model/networks.ts";
import type { HashJob } from "./hash-networks.ts";
import { capture, installPackage } from "./pack.ts";

const MODEL = "node_modules/bitlane/models/digits_int8.tflite";

/** Runs a model of the package on one thread and on two; prints both outputs. */
const PROGRAM = `
  const outputs = [];
  for (const threads of [1, 2]) {
    const model = await load(${JSON.stringify(MODEL)}, { threads });
    const [input] = model.inputs;
    const size = input.shape.reduce((product, extent) => product * extent, 1);
    const reals = Float32Array.from({ length: size }, (_, i) => ((i * 37) % 256) / 256);
    const result = await model.run({ [input.name]: reals });
    outputs.push(Object.values(result).map((values) => [...values]));
    await model.dispose();
  }
  console.log(JSON.stringify({ version: process.version, outputs }));
`;

interface Result {
  readonly version: string;
  readonly outputs: readonly (readonly (readonly number[])[])[];
}

/** Runs the package installed in `folder` with the binary `node`; returns what it printed. */
export function smoke(node: string, folder: string): Result {
  writeFileSync(join(folder, "esm.mjs"), `import { load } from "bitlane";${PROGRAM}`);
  writeFileSync(
    join(folder, "cjs.cjs"),
    `const { load } = require("bitlane"); (async () => {${PROGRAM}})();`,
  );
  const imported = JSON.parse(capture(node, ["esm.mjs"], folder)) as Result;
  const required = JSON.parse(capture(node, ["cjs.cjs"], folder)) as Result;
  const [oneThread, twoThreads] = imported.outputs;
  expectSame(oneThread, twoThreads, "outputs on one and on two threads");
  expectSame(imported.outputs, required.outputs, "outputs by import and by require");
  if (new Set(oneThread?.flat()).size < 2)
    throw new Error("expected outputs that are not constant");
  const cli = join("node_modules", "bitlane", "dist", "cli.js");
  JSON.parse(capture(node, [cli, "inspect", MODEL, "--json"], folder));
  return imported;
}

/** Threads and rule of the runs of every network. */
const WAYS = [
  { threads: 1, rounding: "fp32" },
  { threads: 2, rounding: "fp32" },
  { threads: 2, rounding: "tflite-reference" },
] as const;

/** Holds the networks of ../shared to their hashes; returns how many runs there were. */
async function checkNetworks(node: string, folder: string): Promise<number> {
  const hashes = storedHashes();
  const wanted = goldenNetworks().flatMap((network) =>
    WAYS.map((options) => {
      const job: HashJob = { model: networkPath(network), input: inputPath(network), options };
      return { job, name: network.model, hash: hashes[network.model]?.[options.rounding] };
    }),
  );
  await build({
    entryPoints: [fileURLToPath(new URL("hash-networks.ts", import.meta.url))],
    outfile: join(folder, "hash-networks.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["bitlane"],
  });
  writeFileSync(join(folder, "jobs.json"), JSON.stringify(wanted.map(({ job }) => job)));
  const got = JSON.parse(capture(node, ["hash-networks.mjs", "jobs.json"], folder)) as string[];
  wanted.forEach(({ job, name, hash }, i) => {
    expectSame(got[i], hash, `hashes of ${name} with ${JSON.stringify(job.options)}`);
  });
  return got.length;
}

function expectSame(a: unknown, b: unknown, what: string): void {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
  if (left !== right) throw new Error(`expected equal ${what}, got ${left} and ${right}`);
}

if (import.meta.main) {
  const folder = mkdtempSync(join(tmpdir(), "bitlane-smoke-"));
  try {
    installPackage(folder);
    const node = process.argv[2] ?? process.execPath;
    const { version, outputs } = smoke(node, folder);
    console.log(`bitlane runs on Node ${version}, by import, require and command line`);
    console.log(`digits_int8: ${outputs[0]!.flat().join(" ")}`);
    const runs = goldenNetworks().length === 0 ? 0 : await checkNetworks(node, folder);
    console.log(
      runs === 0
        ? "networks: skipped, ../shared is not here"
        : `networks: ${runs} runs of ${goldenNetworks().length} give the stored hashes`,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
