/**
 * Compiles assembly/ into build/<target>.wasm for the targets of asconfig.json, two at a time.
 * A target that is newer than every source is left alone.
 *
 * Usage: node scripts/wasm.ts [target…]     without names: all targets
 */
import { spawn } from "node:child_process";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Compilations that run at once. */
const PARALLEL = 2;

interface Target {
  readonly outFile: string;
}

/** Name and output file of every target, in the order of asconfig.json. */
export function readTargets(): Map<string, Target> {
  const config = JSON.parse(readFileSync(join(root, "asconfig.json"), "utf8")) as {
    targets: Record<string, Target>;
  };
  return new Map(Object.entries(config.targets));
}

/** Targets that go into the package. */
export function releaseTargets(): string[] {
  return [...readTargets().keys()].filter((name) => name.startsWith("release-"));
}

/** Builds the named targets that are out of date. Rejects with the compiler's output. */
export async function buildTargets(names: readonly string[]): Promise<void> {
  const targets = readTargets();
  const newest = newestSource();
  const waiting = names.filter((name) => {
    const target = targets.get(name);
    if (target === undefined) throw new Error(`expected a target of asconfig.json, got "${name}"`);
    return modifiedMs(join(root, target.outFile)) < newest;
  });
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      await compile(name, targets.get(name)!.outFile);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
}

function newestSource(): number {
  const sources = readdirSync(join(root, "assembly"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => join("assembly", file));
  return Math.max(...["asconfig.json", ...sources].map((file) => modifiedMs(join(root, file))));
}

/** Modification time, −1 for a file that does not exist. */
function modifiedMs(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? -1;
}

/** Compiles beside the target and renames, so that a reader never sees half a file. */
async function compile(name: string, outFile: string): Promise<void> {
  const started = new Date();
  const output = join(root, outFile);
  const partial = join(root, "build", `.${name}.${process.pid}.wasm`);
  mkdirSync(join(root, "build"), { recursive: true });
  try {
    const asc = join(root, "node_modules/assemblyscript/bin/asc.js");
    const entry = `assembly/${name.includes("relaxed") ? "relaxed" : "index"}.ts`;
    await execute([asc, entry, "--target", name, "--outFile", partial]);
    // The time of the start: a source saved during the compilation counts as newer.
    utimesSync(partial, started, started);
    renameSync(partial, output);
  } finally {
    rmSync(partial, { force: true });
  }
  const kilobytes = (statSync(output).size / 1000).toFixed(1);
  console.log(`${outFile}  ${kilobytes} kB  ${Date.now() - started.getTime()} ms`);
}

/** Runs Node with these arguments in the root of the repository. */
export function execute(args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`expected exit code 0, got ${signal ?? code}: node ${args.join(" ")}`));
    });
  });
}

if (import.meta.main) {
  const names = process.argv.slice(2);
  await buildTargets(names.length > 0 ? names : [...readTargets().keys()]);
}
