/**
 * The structure that docs/architecture.md promises, checked from the text of the sources: who imports
 * whom, how a folder is entered, names of folders, generated documents.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { renderDocuments } from "../scripts/documents.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What each folder of src/ may import besides itself and errors.ts. `type:` allows types only. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  formats: [],
  wasm: [],
  quantization: ["formats"],
  tensor: ["formats", "quantization"],
  operators: ["tensor", "quantization", "formats"],
  kernels: ["formats", "quantization", "type:tensor"],
  graph: ["operators", "tensor", "quantization", "formats"],
  importers: ["graph", "operators", "tensor", "quantization", "formats"],
  quantizer: ["graph", "operators", "tensor", "quantization", "formats"],
  plan: ["graph", "operators", "kernels", "tensor", "quantization", "formats"],
  schedule: ["wasm", "kernels", "type:plan"],
};

/** Where the stages are joined. They may import everything but the command line. */
const COMPOSITION = ["", "model", "cli"];

/** Files of assembly/ that kernels share; they know no kernel. */
const SHARED_BY_KERNELS = /^(lanes|pack|(requantize|formats)\/[\w-]+)$/;

const VAGUE_NAMES = ["utils", "util", "common", "helpers", "misc", "shared", "lib"];

interface Import {
  /** Path from the root, of the importing file. */
  readonly file: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

function filesOf(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !file.endsWith(".generated.ts"))
    .map((file) => posix.join(folder, file.replaceAll("\\", "/")))
    .sort();
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), "utf8").replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");
  const found: Import[] = [];
  const statement = /^(?:import|export)\b(\s+type\b)?([^"';]*?)from\s*["']([^"']+)["']/gm;
  for (const [, type, names = "", specifier] of text.matchAll(statement)) {
    const list = /^\s*\{([^}]*)\}\s*$/.exec(names)?.[1];
    const eachIsType = list?.split(",").every((name) => /^\s*(type\s|$)/.test(name)) ?? false;
    found.push({ file, specifier: specifier!, typeOnly: type !== undefined || eachIsType });
  }
  const other = /\bimport\s*\(\s*["']([^"']+)["']|^import\s*["']([^"']+)["']/gm;
  for (const [, dynamic, effect] of text.matchAll(other)) {
    found.push({ file, specifier: (dynamic ?? effect)!, typeOnly: false });
  }
  return found;
}

/** First folder below src/, "" for a file directly in it. */
function folderOf(file: string): string {
  const parts = relative("src", file).split("/");
  return parts.length > 1 ? parts[0]! : "";
}

interface InnerImport extends Import {
  /** Path from the root, of the imported file. */
  readonly target: string;
}

const imports = filesOf("src").flatMap(importsOf);
const inner: readonly InnerImport[] = imports
  .filter(({ specifier }) => specifier.startsWith("."))
  .map((entry) => ({ ...entry, target: posix.join(dirname(entry.file), entry.specifier) }));
const crossing = inner.filter(
  ({ file, target }) => folderOf(file) !== folderOf(target) && target !== "src/errors.ts",
);

function describeImport({ file, specifier, typeOnly }: Import): string {
  return `${file} imports ${typeOnly ? "types of " : ""}${specifier}`;
}

describe("the import table", () => {
  it("finds the imports of the sources", () => {
    expect(inner.length).toBeGreaterThan(20);
    expect(
      inner
        .filter(
          ({ target, specifier }) =>
            !target.endsWith(".generated.ts") &&
            !existsSync(join(root, target)) &&
            specifier !== "",
        )
        .map(describeImport),
    ).toEqual([]);
  });

  it("has a row for every folder of src", () => {
    const folders = new Set(filesOf("src").map(folderOf));
    const known = [...Object.keys(MAY_IMPORT), ...COMPOSITION];
    expect([...folders].filter((folder) => !known.includes(folder))).toEqual([]);
  });

  it("is kept by every import between folders", () => {
    const forbidden = crossing.filter(({ file, target, typeOnly }) => {
      const from = folderOf(file);
      const to = folderOf(target);
      if (COMPOSITION.includes(from)) return to === "cli";
      const allowed = MAY_IMPORT[from] ?? [];
      return !(allowed.includes(to) || (typeOnly && allowed.includes(`type:${to}`)));
    });
    expect(forbidden.map(describeImport)).toEqual([]);
  });

  it("enters a folder through its index.ts", () => {
    const deep = crossing.filter(
      ({ target }) => folderOf(target) !== "" && target !== `src/${folderOf(target)}/index.ts`,
    );
    expect(deep.map(describeImport)).toEqual([]);
  });

  it("lets errors.ts import nothing", () => {
    expect(importsOf("src/errors.ts")).toEqual([]);
  });

  it("allows one runtime dependency, and Node's own modules only where a host is expected", () => {
    const outside = imports.filter(
      ({ specifier, typeOnly }) => !specifier.startsWith(".") && !typeOnly,
    );
    const allowed = ({ file, specifier }: Import): boolean => {
      if (folderOf(file) === "cli") return /^(node:|pngjs$|jpeg-js$)/.test(specifier);
      return specifier === "@assemblyscript/loader" && folderOf(file) === "wasm";
    };
    expect(outside.filter((entry) => !allowed(entry)).map(describeImport)).toEqual([]);
  });
});

describe.each(["src", "assembly", "test", "bench", "scripts", "examples"])(
  "imports in %s",
  (top) => {
    it("run in no circle, those of types included", () => {
      const files = filesOf(top).filter((file) => !file.includes("node_modules/"));
      const graph = new Map(files.map((file) => [file, importsOf(file).map(fileOf)]));
      expect(
        [...graph.values()].flat().filter((target) => graph.has(target)).length,
      ).toBeGreaterThan(0);
      const done = new Set<string>();
      const visit = (file: string, path: readonly string[]): void => {
        expect(path, "a file that imports itself through others").not.toContain(file);
        if (done.has(file)) return;
        for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
        done.add(file);
      };
      for (const file of files) visit(file, []);
    });

    /** assembly/ names files without ".ts". */
    function fileOf({ file, specifier }: Import): string {
      const target = posix.join(dirname(file), specifier);
      return target.endsWith(".ts") ? target : `${target}.ts`;
    }
  },
);

describe("the kernels' sources", () => {
  /** Path below assembly/ without ".ts" → the same of what it imports. */
  const graph = new Map(
    filesOf("assembly").map((file) => [
      nameOf(file),
      importsOf(file).map(({ specifier }) => nameOf(posix.join(dirname(file), specifier))),
    ]),
  );

  function nameOf(file: string): string {
    return relative("assembly", file).replace(/\.ts$/, "");
  }

  it("import only each other", () => {
    const outside = [...graph].flatMap(([name, targets]) =>
      targets.filter((target) => !graph.has(target)).map((target) => `${name} imports ${target}`),
    );
    expect(outside).toEqual([]);
  });

  it("let the files that kernels share know no kernel", () => {
    const upward = [...graph]
      .filter(([name]) => SHARED_BY_KERNELS.test(name))
      .flatMap(([name, targets]) =>
        targets
          .filter((target) => !SHARED_BY_KERNELS.test(target))
          .map((target) => `${name} imports ${target}`),
      );
    expect(upward).toEqual([]);
  });
});

describe("the tree", () => {
  it("has no folder with a name that says nothing", () => {
    const folders = ["src", "assembly", "test", "bench", "scripts", "examples"]
      .filter((folder) => existsSync(join(root, folder)))
      .flatMap((folder) =>
        readdirSync(join(root, folder), { recursive: true, withFileTypes: true }),
      )
      .filter((entry) => entry.isDirectory() && !entry.parentPath.includes("node_modules"))
      .map((entry) => entry.name);
    expect(folders.filter((name) => VAGUE_NAMES.includes(name))).toEqual([]);
  });

  it("holds the generated documents as the sources give them (npm run docs)", async () => {
    for (const [file, text] of await renderDocuments()) {
      expect(readFileSync(join(root, file), "utf8"), file).toBe(text);
    }
  });
});
