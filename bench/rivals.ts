/**
 * `npm run bench:rivals`: bitlane and its rivals on the same networks, in turns, on the same input and
 * with the same number of threads; answers compared, ratios printed, everything written as JSON.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beginReport, writeReport } from "./report.ts";
import { Chromium, findChromium } from "./rivals/harness/chromium.ts";
import type { Contender } from "./rivals/harness/contender.ts";
import { MAX_RELATIVE, MAX_STEPS } from "./rivals/harness/agreement.ts";
import { installedVersion } from "./rivals/harness/machine.ts";
import { measureNetwork } from "./rivals/harness/measure.ts";
import { prepareNetwork } from "./rivals/harness/network.ts";
import { nodeContender } from "./rivals/harness/node-contender.ts";
import { type Options, readOptions, USAGE } from "./rivals/harness/options.ts";
import { type NetworkRows, printTable, ratiosOf, REVECTORIZED } from "./rivals/harness/report.ts";
import { bitlane } from "./rivals/bitlane.ts";
import { findNetwork } from "./rivals/networks.ts";
import type { Rival } from "./rivals/rival.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const REVECTORIZE = "--experimental-wasm-revectorize";

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else await main(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}

async function main({ hosts, rivals, networks, settings, ...rest }: Options): Promise<void> {
  const isOurs = ({ package: name }: Rival) => name === bitlane.package;
  if (rivals.some(isOurs) && !existsSync(join(root, "dist/index.js"))) {
    throw new Error("dist/: expected the built package, run npm run build");
  }
  const installed = rivals.filter((rival) => installedVersion(rival) !== undefined);
  for (const { name, package: missing } of rivals.filter((rival) => !installed.includes(rival))) {
    console.log(`without ${name}: ${missing} is not installed (npm run bench:rivals -- --help)`);
  }
  const chromium = await launch(hosts.includes("chromium"), installed);
  const versions = Object.fromEntries(installed.map((r) => [r.package, installedVersion(r)]));
  const head = beginReport("npm run bench:rivals --", { ...versions, chromium: chromium?.version });
  const workFolder = mkdtempSync(join(tmpdir(), "bitlane-rivals-"));
  const results: NetworkRows[] = [];
  try {
    const contenders = listContenders(
      installed,
      hosts.includes("node"),
      chromium,
      rest.revectorize,
    );
    for (const name of networks) {
      const network = prepareNetwork(findNetwork(name), workFolder);
      const result = { network: name, rows: await measureNetwork(network, contenders, settings) };
      printTable(result, settings.threads);
      results.push(result);
    }
  } finally {
    await chromium?.close();
    rmSync(workFolder, { recursive: true });
  }
  const content = {
    settings: { ...settings, maxSteps: MAX_STEPS, maxRelative: MAX_RELATIVE },
    networks: results.map(({ network, rows }) => {
      const ratios = ratiosOf(rows);
      return { network, rows: rows.map((row, i) => ({ ...row, bitlaneIsFaster: ratios[i] })) };
    }),
  };
  const { brief: isBrief, output } = rest;
  writeReport(`rivals-${settings.threads}t`, head, content, { isBrief, output });
  const rows = results.flatMap((result) => result.rows);
  if (rows.some(({ result }) => result?.agreement.verdict === "disagrees")) {
    console.error("expected all answers to agree");
    process.exitCode = 1;
  }
  if (
    rivals.some(isOurs) &&
    !rows.some(({ label, result }) => label.startsWith("bitlane") && result !== undefined)
  ) {
    console.error("expected bitlane to run");
    process.exitCode = 1;
  }
}

async function launch(wanted: boolean, rivals: readonly Rival[]): Promise<Chromium | undefined> {
  const able = rivals.filter(({ hosts }) => hosts.includes("chromium"));
  if (!wanted || able.length === 0) return undefined;
  const path = findChromium();
  if (path === undefined) {
    console.log("without Chromium: expected `chromium` on the PATH");
    return undefined;
  }
  return Chromium.launch(path, able);
}

function listContenders(
  rivals: readonly Rival[],
  inNode: boolean,
  chromium: Chromium | undefined,
  revectorize: boolean,
): Contender[] {
  const node = rivals
    .filter(({ hosts }) => inNode && hosts.includes("node"))
    .flatMap((rival) => {
      const plain = nodeContender(rival, rival.name);
      return revectorize && rival.package === "bitlane"
        ? [plain, nodeContender(rival, rival.name + REVECTORIZED, [REVECTORIZE])]
        : [plain];
    });
  const page =
    chromium === undefined
      ? []
      : rivals
          .filter(({ hosts }) => hosts.includes("chromium"))
          .map((rival) => chromium.contender(rival));
  return [...node, ...page];
}
