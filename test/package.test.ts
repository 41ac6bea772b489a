/**
 * The package as a stranger gets it: packed, installed into an empty folder, imported, required,
 * type-checked, and looked at by publint and Are The Types Wrong.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { capture, installPackage } from "../scripts/pack.ts";
import { BUDGETS, measureParts, totalSizes } from "../scripts/size.ts";
import { smoke } from "../scripts/smoke.ts";
import { moduleNames } from "../scripts/wasm.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
let folder = "";
let tarball = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "bitlane-package-"));
  tarball = installPackage(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The first node on the PATH that is not the development dependency. */
function machineNode(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders
    .filter((entry) => !entry.includes("node_modules"))
    .map((entry) => join(entry, "node"))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

describe("the packed package", () => {
  it("has @assemblyscript/loader as its only dependency and runs nothing when it is installed", () => {
    const manifest = JSON.parse(
      readFileSync(join(folder, "node_modules/bitlane/package.json"), "utf8"),
    ) as Record<string, Record<string, string>>;
    expect(Object.keys(manifest["dependencies"] ?? {})).toEqual(["@assemblyscript/loader"]);
    expect(manifest["peerDependencies"]).toBeUndefined();
    expect(manifest["optionalDependencies"]).toBeUndefined();
    const hooks = Object.keys(manifest["scripts"] ?? {});
    expect(hooks.filter((name) => /^(pre|post)?install$/.test(name))).toEqual([]);
  });

  it("holds code, declarations, models and licences, and no source, test or WebAssembly file", () => {
    const files = capture("tar", ["-tzf", tarball], folder).trim().split("\n");
    const unexpected = files.filter(
      (file) =>
        !/^package\/(dist\/.*(\.js|\.d\.ts|LICENSES\.txt)|models\/.*|[A-Z]+(\.md)?|package\.json)$/.test(
          file,
        ),
    );
    expect(unexpected).toEqual([]);
    expect(files).toContain("package/LICENSE");
    expect(files).toContain("package/dist/types/index.d.ts");
  });

  it("runs on this Node by import, by require and from the command line", () => {
    expect(smoke(process.execPath, folder).version).toBe(process.version);
  });

  it("gives the same outputs on the machine's own Node", ({ skip }) => {
    const node = machineNode();
    if (node === undefined) skip("no other Node on the PATH");
    const own = smoke(process.execPath, folder);
    const other = smoke(node!, folder);
    expect(other.outputs).toEqual(own.outputs);
  });

  it.each(["nodenext", "bundler"])("type-checks in a strict project (%s)", (moduleResolution) => {
    writeFileSync(
      join(folder, "consumer.mts"),
      `import { load, capabilities, BitlaneError } from "bitlane";
       const model = await load(new Uint8Array(4), { threads: 2, rounding: "fp32" });
       const names: string[] = model.inputs.map((input) => input.name);
       const threads: number = capabilities().threads;
       export { names, threads, BitlaneError };`,
    );
    const module = moduleResolution === "nodenext" ? "nodenext" : "esnext";
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    const options = [
      "--noEmit",
      "--strict",
      "--target",
      "es2022",
      "--lib",
      "es2024,dom",
      "--types",
      "",
    ];
    capture(
      process.execPath,
      [
        compiler,
        ...options,
        "--module",
        module,
        "--moduleResolution",
        moduleResolution,
        "consumer.mts",
      ],
      folder,
    );
  });

  it("is clean for publint", async () => {
    const pkgDir = join(folder, "node_modules/bitlane");
    const { messages, pkg } = await publint({ pkgDir, strict: true, pack: false });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  it("is clean for Are The Types Wrong, as ESM only", () => {
    const attw = join(root, "node_modules/@arethetypeswrong/cli/dist/index.js");
    const args = [
      attw,
      tarball,
      "--profile",
      "esm-only",
      "--no-definitely-typed",
      "--format",
      "ascii",
    ];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(status, stdout + stderr).toBe(0);
  });

  it("is bundled in parts, one per WebAssembly module, within the size budgets", async () => {
    const parts = await measureParts();
    const onDemand = [
      "calibration",
      "minifloats",
      "pool",
      "requantization",
      "revectorization",
      "seldom",
    ];
    expect([...parts.keys()].sort()).toEqual(
      ["library", "shared", "worker", ...moduleNames(), ...onDemand].sort(),
    );
    const { singleThread, all } = totalSizes(parts);
    expect(singleThread.gzip).toBeLessThanOrEqual(BUDGETS.singleThread);
    expect(all.gzip).toBeLessThanOrEqual(BUDGETS.all);
  });
});
