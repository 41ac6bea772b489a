/**
 * Cuts the bundle into the library and the parts that are imported on demand. Two things that esbuild
 * would do otherwise:
 *
 * - It takes whoever imports a name from an index to need all that the index exports. Imports go to the
 *   declaring files instead.
 * - It separates files that only the library has from those that parts share with it. A part that is said
 *   to import the whole library leaves it whole.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Plugin } from "esbuild";

/** @param folder with what tsc has compiled */
export function cutIntoParts(folder: string): Plugin {
  const onDemand = new Set<string>();
  return {
    name: "library and parts",
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^\./ }, ({ path, kind, resolveDir }) => {
        if (kind === "dynamic-import" && !path.endsWith(".generated.js")) {
          onDemand.add(join(resolveDir, path));
        }
        return undefined;
      });
      onLoad({ filter: /\.js$/ }, ({ path }) => {
        if (relative(folder, path).startsWith("..")) return undefined;
        const text = importDeclaringFiles(path, importUsedNames(readFileSync(path, "utf8")));
        const whole = onDemand.has(path) ? importOf("", join(folder, "index.js"), path) : "";
        return { contents: whole + text };
      });
    },
  };
}

/** `import * as all from "../folder/index.js"` as an import of every a that `all.a` names. */
function importUsedNames(text: string): string {
  const statement = /^import \* as (\w+) from ("\.[^"]*\/index\.js");\n/gm;
  let result = text;
  for (const [line, all, index] of text.matchAll(statement)) {
    const use = new RegExp(`\\b${all}\\.(\\w+)`, "g");
    const names = new Set(Array.from(text.matchAll(use), ([, name]) => name!));
    const list = [...names].map((name) => `${name} as ${all}_${name}`);
    result = result
      .replace(line, `import { ${list.join(", ")} } from ${index};\n`)
      .replaceAll(use, `${all}_$1`);
  }
  return result;
}

/** `import { a } from "../folder/index.js"` as an import from the file that declares a. */
function importDeclaringFiles(path: string, text: string): string {
  const statement = /^import \{([^}]*)\} from "(\.[^"]*\/index\.js)";\n/gm;
  return text.replaceAll(statement, (all, list: string, index: string) => {
    const origins = exportsOf(join(dirname(path), index));
    const specifiers = list.split(",").filter((part) => part.trim() !== "");
    const found = specifiers.map((specifier) => origins.get(specifier.trim().split(" ")[0]!));
    if (found.includes(undefined)) return all;
    return specifiers
      .map((specifier, i) => importOf(`{${specifier}} from `, found[i]!, path))
      .join("");
  });
}

function importOf(names: string, target: string, importer: string): string {
  return `import ${names}${JSON.stringify(`./${relative(dirname(importer), target)}`)};\n`;
}

const known = new Map<string, ReadonlyMap<string, string>>();

/** The file that declares each name that a file exports under its own name. */
function exportsOf(file: string): ReadonlyMap<string, string> {
  let names = known.get(file);
  if (names === undefined) known.set(file, (names = readExports(file)));
  return names;
}

function readExports(file: string): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  if (!existsSync(file)) return names;
  const text = readFileSync(file, "utf8");
  const declared = /^export (?:async )?(?:const|let|class|function\*?) (\w+)/gm;
  for (const [, name] of text.matchAll(declared)) names.set(name!, file);
  for (const [, list, path] of text.matchAll(/^export (\*|\{[^}]*\}) from "(\.[^"]+)";$/gm)) {
    const origins = exportsOf(join(dirname(file), path!));
    const wanted = list === "*" ? [...origins.keys()] : list!.slice(1, -1).split(",");
    for (const name of wanted.map((part) => part.trim())) {
      const origin = origins.get(name);
      if (origin !== undefined) names.set(name, origin);
    }
  }
  return names;
}
