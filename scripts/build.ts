/**
 * Builds the package into dist/: release WebAssembly → deflated base64 modules → tsc → CLI image readers
 * bundled. `--all` compiles the debug WebAssembly too, which the tests need.
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
const BUNDLED = ["pngjs", "jpeg-js"];

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

/** tsc into a fresh folder that then takes the place of dist/: no output of a deleted source stays. */
async function compilePackage(): Promise<void> {
  const fresh = join(root, "build", `dist.${process.pid}`);
  try {
    await execute([
      join(root, "node_modules/typescript/bin/tsc"),
      "--project",
      "tsconfig.build.json",
      "--outDir",
      fresh,
    ]);
    await bundleCli(join(fresh, "cli"));
    chmodSync(join(fresh, "cli/main.js"), 0o755);
    rmSync(join(root, "dist"), { recursive: true, force: true });
    renameSync(fresh, join(root, "dist"));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Puts the image readers into the CLI files that import them; bitlane's own files stay separate. */
async function bundleCli(folder: string): Promise<void> {
  const importsReader = new RegExp(`["'](${BUNDLED.join("|")})["']`);
  const entryPoints = readdirSync(folder)
    .filter((file) => file.endsWith(".js"))
    .map((file) => join(folder, file))
    .filter((file) => importsReader.test(readFileSync(file, "utf8")));
  if (entryPoints.length === 0) return;
  const ownFilesStayOutside: Plugin = {
    name: "own files stay outside",
    setup({ onResolve }) {
      onResolve({ filter: /^\./ }, ({ importer, path }) =>
        entryPoints.includes(importer) ? { path, external: true } : undefined,
      );
    },
  };
  await build({
    entryPoints,
    outdir: folder,
    allowOverwrite: true,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    plugins: [ownFilesStayOutside],
    logLevel: "warning",
    absWorkingDir: folder,
    // pngjs is CommonJS and requires modules of Node.
    banner: {
      js: `import { createRequire as bundledRequire } from "node:module"; const require = bundledRequire(import.meta.url);`,
    },
  });
  writeFileSync(join(folder, "THIRD-PARTY-LICENSES.txt"), BUNDLED.map(licence).join("\n\n"));
}

function licence(name: string): string {
  const folder = join(root, "node_modules", name);
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`expected a licence file in ${folder}`);
  return `${name}, bundled into the command line tool\n\n${readFileSync(join(folder, file), "utf8")}`;
}
