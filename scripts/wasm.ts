/**
 * Compiles every export list of assembly/plain and assembly/relaxed into build/<target>/<list>.wasm, for
 * the targets of asconfig.json, on two threads. A module newer than all its sources is left alone.
 *
 * Usage: node scripts/wasm.ts [release|debug]     without a mode: both
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
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import type { ModuleName } from "../src/kernels/index.ts";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Compilers that run at once. */
const PARALLEL = 2;

/** With assertions, or as it goes into the package. A target is a mode and an instruction set. */
export type Mode = "release" | "debug";
export const modes: readonly Mode[] = ["release", "debug"];

/** One job of a compiler, and the arguments of asc for it. */
export interface Compilation {
  readonly name: string;
  readonly args: readonly string[];
}

/** The export lists: "plain/core", "relaxed/int8", … */
export function moduleNames(): ModuleName[] {
  return ["plain", "relaxed"].flatMap((isa) =>
    readdirSync(join(root, "assembly", isa))
      .sort()
      .map((file) => `${isa}/${file.replace(/\.ts$/, "")}` as ModuleName),
  );
}

/** Absolute path of a compiled module. */
export function wasmFile(mode: Mode, name: ModuleName): string {
  return join(root, "build", `${mode}-${name}.wasm`);
}

/** Builds the modules of some modes that are out of date. Rejects with the compiler's output. */
export async function buildModules(wanted: readonly Mode[]): Promise<void> {
  const names = moduleNames();
  const waiting = wanted
    .flatMap((mode) => names.map((name) => ({ mode, name })))
    .filter(({ mode, name }) => modifiedMs(wasmFile(mode, name)) < newestSource(name));
  const work = async (): Promise<void> => {
    if (waiting.length === 0) return;
    const compiler = new Worker(new URL("wasm-compiler.ts", import.meta.url));
    try {
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        await compile(compiler, job.mode, job.name);
      }
    } finally {
      await compiler.terminate();
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
}

/** Modification time of the newest file that a module is made of. */
function newestSource(name: ModuleName): number {
  const files = new Set([join(root, "assembly", `${name}.ts`)]);
  // A set is walked in the order of insertion, what is added meanwhile included.
  for (const file of files) {
    for (const [, path] of readFileSync(file, "utf8").matchAll(/ from "(\.[^"]+)"/g)) {
      files.add(join(dirname(file), `${path}.ts`));
    }
  }
  return Math.max(...[join(root, "asconfig.json"), ...files].map(modifiedMs));
}

/** Modification time, −1 for a file that does not exist. */
function modifiedMs(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? -1;
}

/** Compiles beside the target and renames, so that a reader never sees half a file. */
async function compile(compiler: Worker, mode: Mode, name: ModuleName): Promise<void> {
  const started = new Date();
  const output = wasmFile(mode, name);
  const partial = `${output}.${process.pid}`;
  mkdirSync(dirname(output), { recursive: true });
  try {
    const target = `${mode}-${name.split("/")[0]}`;
    const entry = `assembly/${name}.ts`;
    const job: Compilation = {
      name: `${mode}-${name}`,
      args: [entry, "--target", target, "--outFile", relative(root, partial), "--baseDir", root],
    };
    await answer(compiler, job);
    // The time of the start: a source saved during the compilation counts as newer.
    utimesSync(partial, started, started);
    renameSync(partial, output);
  } finally {
    rmSync(partial, { force: true });
  }
  const kilobytes = (statSync(output).size / 1000).toFixed(1);
  const timeMs = Date.now() - started.getTime();
  console.log(`${relative(root, output)}  ${kilobytes} kB  ${timeMs} ms`);
}

/** Resolves when the compiler has done the job; rejects with what it says of an error. */
function answer(compiler: Worker, job: Compilation): Promise<void> {
  return new Promise((resolve, reject) => {
    compiler.once("error", reject);
    compiler.once("message", (failure: string | undefined) => {
      compiler.off("error", reject);
      if (failure === undefined) resolve();
      else reject(new Error(`${job.name}: ${failure}`));
    });
    compiler.postMessage(job);
  });
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
  const wanted = process.argv.slice(2);
  for (const mode of wanted) {
    if (!modes.includes(mode as Mode)) throw new Error(`expected release or debug, got "${mode}"`);
  }
  await buildModules(wanted.length > 0 ? (wanted as Mode[]) : modes);
}
