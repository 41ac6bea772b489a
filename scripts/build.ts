/**
 * Builds the package into dist/: release WebAssembly → deflated base64 modules → tsc → bundles. `--all` compiles the debug WebAssembly too, which the tests need.
 *
 * Usage: node scripts/build.ts [--all]
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { build, type Plugin } from "esbuild";
import { buildTargets, execute, readTargets, releaseTargets, root } from "./wasm.ts";

/** Bundled into the CLI: the library itself depends on @assemblyscript/loader alone. */
const BUNDLED = ["fflate", "pngjs", "jpeg-js"];
/** The command line imports its image readers by this name, which their bundle keeps. */
const IMAGES = "./images.js";
const imagesStayOutside: Plugin = {
  name: "images stay outside",
  setup({ onResolve }) {
    onResolve({ filter: /^\.{1,2}\/images\.js$/ }, () => ({ path: IMAGES, external: true }));
  },
};

const all = process.argv.includes("--all");
await buildTargets(all ? [...readTargets().keys()] : releaseTargets());
for (const name of releaseTargets()) writeModule(name);
await compilePackage();

/** One module per WebAssembly build, so that a dynamic import loads only the one that is needed. */
function writeModule(name: string): void {
  const bytes = readFileSync(join(root, readTargets().get(name)!.outFile));
  const file = join(root, "src/wasm/modules", `${name}.generated.ts`);
  const text = [
    `/** Generated from assembly/ by scripts/build.ts: ${name}.wasm, ${bytes.length} bytes,`,
    ` * SHA-256 ${createHash("sha256").update(bytes).digest("hex")}. */`,
    // The annotation keeps the text out of the declaration file.
    `const base64: string = "${deflateRawSync(bytes, { level: 9 }).toString("base64")}";`,
    `export default base64;`,
    ``,
  ].join("\n");
  if (existsSync(file) && readFileSync(file, "utf8") === text) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/**
 * Into a fresh folder that then takes the place of dist/: declarations by tsc; JavaScript bundled, since
 * one file imports several times as fast as the hundred that it is made of.
 */
async function compilePackage(): Promise<void> {
  const fresh = join(root, "build", `dist.${process.pid}`);
  const compiled = join(root, "build", `js.${process.pid}`);
  try {
    await execute([
      join(root, "node_modules/typescript/bin/tsc"),
      ...["--project", "tsconfig.build.json"],
      ...["--outDir", compiled, "--declarationDir", join(fresh, "types")],
    ]);
    await bundlePackage(compiled, fresh);
    await bundleImages(compiled, fresh);
    chmodSync(join(fresh, "cli.js"), 0o755);
    rmSync(join(root, "dist"), { recursive: true, force: true });
    renameSync(fresh, join(root, "dist"));
  } finally {
    for (const folder of [fresh, compiled]) rmSync(folder, { recursive: true, force: true });
  }
}

/** The library, its worker and the command line share chunks; every file lies in one folder. */
async function bundlePackage(from: string, outdir: string): Promise<void> {
  await build({
    entryPoints: {
      index: join(from, "index.js"),
      worker: join(from, "schedule/worker.js"),
      cli: join(from, "cli/main.js"),
    },
    outdir,
    bundle: true,
    splitting: true,
    chunkNames: "[name]-[hash]",
    format: "esm",
    target: "es2022",
    platform: "neutral",
    external: ["@assemblyscript/loader", "node:*"],
    plugins: [imagesStayOutside],
    logLevel: "warning",
  });
  // No file has side effects, and another bundler warns of imports that could only be for them.
  for (const name of readdirSync(outdir).filter((file) => file.endsWith(".js"))) {
    const file = join(outdir, name);
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.replaceAll(/^import "\.\/[\w-]+\.js";\n/gm, ""));
  }
}

/** The image readers are CommonJS and require modules of Node: a bundle of their own. */
async function bundleImages(from: string, outdir: string): Promise<void> {
  await build({
    entryPoints: { images: join(from, "cli/images.js") },
    outdir,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "warning",
    banner: {
      js: `import { createRequire as bundledRequire } from "node:module"; const require = bundledRequire(import.meta.url);`,
    },
  });
  writeFileSync(join(outdir, "THIRD-PARTY-LICENSES.txt"), BUNDLED.map(licence).join("\n\n"));
}

function licence(name: string): string {
  const folder = join(root, "node_modules", name);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`expected a licence file in ${folder}`);
  return `${name}, bundled into the command line tool\n\n${readFileSync(join(folder, file), "utf8")}`;
}
