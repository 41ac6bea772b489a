/**
 * Bundles the built package as an application would and prints what a browser downloads, gzip and
 * brotli, for each WebAssembly build. Fails over the budgets.
 *
 * Usage: node scripts/size.ts [--json]
 */
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { build } from "esbuild";
import { root } from "./wasm.ts";

/** Budgets in bytes, gzip. */
export const BUDGETS = {
  /** What a network of int8 and float32 layers loads at most, on one thread. */
  singleThread: 125_000,
  /** Everything: all modules and the worker. */
  all: 150_000,
};

/** The modules of networks of int8 and float32 layers, on machines with the relaxed dot and without. */
const BASIC = ["plain/core", "plain/float", "plain/int8", "relaxed/int8"];

interface Size {
  readonly bytes: number;
  readonly gzip: number;
  readonly brotli: number;
}

function sizeOf(contents: Uint8Array): Size {
  const gzip = gzipSync(contents, { level: 9 }).length;
  return { bytes: contents.length, gzip, brotli: brotliCompressSync(contents).length };
}

function sum(sizes: readonly Size[]): Size {
  const total = { bytes: 0, gzip: 0, brotli: 0 };
  for (const size of sizes) {
    total.bytes += size.bytes;
    total.gzip += size.gzip;
    total.brotli += size.brotli;
  }
  return total;
}

/** Size of every part: "library", "worker", and one per WebAssembly module ("plain/core", …). */
export async function measureParts(): Promise<Map<string, Size>> {
  const parts = new Map<string, Size>();
  const bundle = async (entry: string, splitting: boolean): Promise<void> => {
    const { outputFiles, metafile } = await build({
      entryPoints: [join(root, "dist", entry)],
      outdir: join(root, "build/size"),
      bundle: true,
      minify: true,
      splitting,
      format: "esm",
      platform: "browser",
      target: "es2022",
      external: ["node:*"],
      write: false,
      metafile: true,
      absWorkingDir: root,
    });
    const name = entry.includes("worker") ? "worker" : "library";
    const code: Size[] = [];
    for (const [path, { inputs }] of Object.entries(metafile.outputs)) {
      const file = outputFiles.find((output) => output.path === join(root, path))!;
      const target = Object.keys(inputs)
        .map((input) => /(plain|relaxed)-([\w-]*)\.generated-\w+\.js$/.exec(input))
        .find((match) => match !== null);
      if (target === undefined) code.push(sizeOf(file.contents));
      else parts.set(`${target[1]}/${target[2]}`, sizeOf(file.contents));
    }
    parts.set(name, sum(code));
  };
  await bundle("index.js", true);
  await bundle("worker.js", true);
  return parts;
}

/** Sums that have a budget. */
export function totalSizes(parts: ReadonlyMap<string, Size>): Record<keyof typeof BUDGETS, Size> {
  const pick = (keep: (name: string) => boolean): Size =>
    sum([...parts].filter(([name]) => keep(name)).map(([, size]) => size));
  return {
    singleThread: pick((name) => name === "library" || BASIC.includes(name)),
    all: pick(() => true),
  };
}

if (import.meta.main) {
  const parts = await measureParts();
  const totals = totalSizes(parts);
  if (process.argv.includes("--json")) {
    console.log(JSON.stringify({ parts: Object.fromEntries(parts), totals, budgets: BUDGETS }));
  } else {
    const rows = [...parts, ["single thread", totals.singleThread], ["all", totals.all]] as const;
    console.log(
      `${"part".padEnd(24)}${"bytes".padStart(10)}${"gzip".padStart(10)}${"brotli".padStart(10)}`,
    );
    for (const [name, { bytes, gzip, brotli }] of rows) {
      const numbers = [bytes, gzip, brotli].map((value) => String(value).padStart(10));
      console.log(name.padEnd(24) + numbers.join(""));
    }
  }
  for (const name of ["singleThread", "all"] as const) {
    if (totals[name].gzip <= BUDGETS[name]) continue;
    console.error(
      `${name}: expected at most ${BUDGETS[name]} bytes gzip, got ${totals[name].gzip}`,
    );
    process.exitCode = 1;
  }
}
