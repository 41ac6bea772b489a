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
  singleThread: 100_000,
  /** Everything: all modules and the worker, for every format and option at once. The aim was 150,000, before blocks, accumulators and multiply-adds. */
  all: 192_000,
};

/** The modules of networks of int8 and float32 layers, on machines with the relaxed dot and without. */
const BASIC_MODULES = ["plain/core", "plain/float", "plain/int8", "relaxed/int8"];

const EXPLANATION = `
"single thread" is what networks of int8 and float32 layers can load on one thread: the library with its
importer, and their kernels with and without relaxed SIMD; one network on one machine loads less. The
parts below it are loaded where a network or an option asks for them: threads (pool, worker), 4-bit and narrower
activations (low-bit), minifloats (minifloats, minifloat, chunked), re-quantization (requantization, calibration),
operators that few networks have (seldom).
"shared" is what several of those have in common. Memory that threads share needs no modules of its own.`;

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

/** A file of the bundle, and what it needs as soon as it is loaded. */
interface Chunk {
  readonly size: Size;
  readonly imports: readonly string[];
  /** Entry of the bundle or target of an `import()`. */
  readonly entry: string | undefined;
}

/**
 * Size of every part that is loaded at once: "library" and "worker"; the WebAssembly modules
 * ("plain/core", …); what the library imports on demand ("pool", …), each less what is in the library, and "shared" for what
 * several of those have in common.
 */
export async function measureParts(): Promise<Map<string, Size>> {
  const parts = new Map<string, Size>();
  const library = await bundle("index.js");
  const loaded = reachable(library, entryNamed(library, "index"));
  const size = (paths: Iterable<string>) => sum([...paths].map((path) => library.get(path)!.size));
  parts.set("library", size(loaded));
  const rest = [...library.keys()].filter((path) => !loaded.has(path));
  for (const path of rest) {
    const { entry } = library.get(path)!;
    if (entry !== undefined) parts.set(partName(entry), size([path]));
  }
  parts.set("shared", size(rest.filter((path) => library.get(path)!.entry === undefined)));
  parts.set("worker", sum([...(await bundle("worker.js")).values()].map((chunk) => chunk.size)));
  return parts;
}

async function bundle(entry: string): Promise<ReadonlyMap<string, Chunk>> {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(root, "dist", entry)],
    outdir: join(root, "build/size"),
    bundle: true,
    minify: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    external: ["node:*"],
    write: false,
    metafile: true,
    absWorkingDir: root,
  });
  return new Map(
    Object.entries(metafile.outputs).map(([path, output]): [string, Chunk] => {
      const file = outputFiles.find((candidate) => candidate.path === join(root, path))!;
      const statements = output.imports.filter(({ kind }) => kind === "import-statement");
      const imports = statements.map((statement) => statement.path);
      return [path, { size: sizeOf(file.contents), imports, entry: output.entryPoint }];
    }),
  );
}

/** "dist/pool-ABCD.js" and "dist/plain-core.generated-ABCD.js" as "pool" and "plain/core". */
function partName(entry: string): string {
  const [, name, suffix] = /([\w-]+?)(\.generated)?-\w+\.js$/.exec(entry)!;
  return suffix === undefined ? name! : name!.replace("-", "/");
}

function entryNamed(chunks: ReadonlyMap<string, Chunk>, name: string): string {
  return [...chunks].find(([, { entry }]) => entry?.endsWith(`/${name}.js`))![0];
}

/** A chunk and all that it imports by statements. */
function reachable(chunks: ReadonlyMap<string, Chunk>, from: string): ReadonlySet<string> {
  const found = new Set([from]);
  // A set is walked in the order of insertion, what is added meanwhile included.
  for (const path of found) for (const next of chunks.get(path)!.imports) found.add(next);
  return found;
}

/** Sums that have a budget. */
export function totalSizes(parts: ReadonlyMap<string, Size>): Record<keyof typeof BUDGETS, Size> {
  const basic = ["library", ...BASIC_MODULES].map((name) => parts.get(name)!);
  return { singleThread: sum(basic), all: sum([...parts.values()]) };
}

if (import.meta.main) {
  const parts = await measureParts();
  const totals = totalSizes(parts);
  if (process.argv.includes("--json")) {
    console.log(JSON.stringify({ parts: Object.fromEntries(parts), totals, budgets: BUDGETS }));
  } else {
    const isBasic = ([name]: readonly [string, Size]) =>
      name === "library" || BASIC_MODULES.includes(name);
    const rows = [
      ...[...parts].filter(isBasic),
      ["single thread: all above", totals.singleThread] as const,
      ...[...parts].filter((part) => !isBasic(part)),
      ["all", totals.all] as const,
    ];
    console.log(
      `${"part, minified".padEnd(28)}${"bytes".padStart(10)}${"gzip".padStart(10)}${"brotli".padStart(10)}`,
    );
    for (const [name, { bytes, gzip, brotli }] of rows) {
      const numbers = [bytes, gzip, brotli].map((value) => String(value).padStart(10));
      console.log(name.padEnd(28) + numbers.join(""));
    }
    console.log(EXPLANATION);
  }
  for (const name of ["singleThread", "all"] as const) {
    if (totals[name].gzip <= BUDGETS[name]) continue;
    console.error(
      `${name}: expected at most ${BUDGETS[name]} bytes gzip, got ${totals[name].gzip}`,
    );
    process.exitCode = 1;
  }
}
