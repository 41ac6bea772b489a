/**
 * An engine reads a function superficially with its file, and again, to compile it, when it is first called.
 * A function in parentheses V8 compiles with its file. Loading a network calls some 400 functions once: those
 * declared at the top of a bundle are written this way, so that they are read once, and when the package
 * is imported.
 *
 * A declaration is hoisted; so are these, to the head of what the bundle has of their file. Files come after
 * those that they import.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { load as loadModel } from "../src/index.ts";
import { sampleNetwork } from "../test/importers/sample-network.ts";
import { root } from "./wasm.ts";

/** Networks of the usual layers. */
const NETWORKS = [sampleNetwork, readFileSync(join(root, "models/digits_int8.tflite"))];

/** Where a function stands in its file. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** Rewrites the bundled package in a folder. */
export async function compileEagerly(folder: string): Promise<void> {
  const called = await calledFunctions(folder);
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".js"))) {
    const path = join(folder, file);
    const ranges = called.get(pathToFileURL(path).href);
    if (ranges === undefined) continue;
    writeFileSync(path, hoistInParentheses(readFileSync(path, "utf8"), ranges));
  }
}

/** Functions that loading calls, by the URL of their file. */
async function calledFunctions(folder: string): Promise<Map<string, readonly Range[]>> {
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
  const index = pathToFileURL(join(folder, "index.js")).href;
  const { load } = (await import(index)) as { load: typeof loadModel };
  // Counts begin anew: what the import itself calls is left alone.
  await session.post("Profiler.takePreciseCoverage");
  for (const network of NETWORKS) {
    await (await load(network, { threads: 1 })).dispose();
  }
  const { result } = await session.post("Profiler.takePreciseCoverage");
  session.disconnect();
  return new Map(
    result.map(({ url, functions }) => {
      const ranges = functions.map((entry) => entry.ranges[0]!).filter(({ count }) => count > 0);
      return [url, ranges.map(({ startOffset: start, endOffset: end }) => ({ start, end }))];
    }),
  );
}

/** A bundle whose declarations at these ranges stand in parentheses. */
function hoistInParentheses(text: string, ranges: readonly Range[]): string {
  // Before each file the bundle has its path in a comment.
  const starts = [...text.matchAll(/^\/\/ [\w./-]+\.js\n/gm)].map(
    (match) => match.index + match[0].length,
  );
  return starts
    .map((start, i) => {
      const end = starts[i + 1] ?? text.length;
      const own = ranges.filter((range) => range.start >= start && range.end <= end);
      return hoistInFile(text, { start, end }, own);
    })
    .reduce((result, file) => result + file, text.slice(0, starts[0] ?? text.length));
}

function hoistInFile(text: string, file: Range, ranges: readonly Range[]): string {
  let head = "";
  let body = "";
  let done = file.start;
  for (const { start, end } of [...ranges].sort((a, b) => a.start - b.start)) {
    const declaration = text.slice(start, end);
    const name = /^(?:async )?function\*? (\w+)\(/.exec(declaration)?.[1];
    const isOutermost = start >= done && text[start - 1] === "\n";
    if (name === undefined || !isOutermost) continue;
    head += `var ${name} = (${declaration});\n`;
    body += text.slice(done, start);
    done = end;
  }
  return head + body + text.slice(done, file.end);
}
