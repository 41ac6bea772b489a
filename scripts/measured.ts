/**
 * Tables of measurements in the documents, from the results that are kept in bench/results under names of
 * their own. A new run with the command that stands below a table, then `npm run docs`, renews it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { SchemeReport } from "../src/cli/compare.ts";
import type { ReportHead } from "../bench/report.ts";
import { CONSTANT_OUTPUT } from "../bench/rivals/harness/agreement.ts";
import type { Ratio } from "../bench/rivals/harness/report.ts";
import type { Row } from "../bench/rivals/harness/measure.ts";
import type { HostName } from "../bench/rivals/rival.ts";
import type { SplitRow } from "../bench/split-weights.ts";
import type { NetworkTimes } from "../bench/threads/networks.ts";
import { table } from "./markdown.ts";
import { root } from "./wasm.ts";

interface RivalsReport extends ReportHead {
  readonly networks: readonly {
    readonly network: string;
    readonly rows: readonly (Row & { readonly bitlaneIsFaster: Readonly<Record<string, Ratio>> })[];
  }[];
}

interface CompareBench extends ReportHead {
  readonly comparisons: readonly {
    readonly kind: "low-bit" | "minifloat";
    readonly name: string;
    readonly schemes: readonly Omit<SchemeReport, "layers">[];
  }[];
}

interface ThreadsReport extends ReportHead {
  readonly networks: readonly NetworkTimes[];
}

/** The kept result of a bench. */
export function read<R extends ReportHead>(name: string): R {
  return JSON.parse(readFileSync(join(root, "bench/results", `${name}.json`), "utf8")) as R;
}

const BITLANE = "bitlane";
const REVECTORIZED = "bitlane revectorized";

/** A rival in a host, and the row of the same host that it is compared with. */
interface Column {
  readonly title: string;
  readonly rival: string;
  readonly host: HostName;
  readonly ours: typeof BITLANE | typeof REVECTORIZED;
}

const COLUMNS: readonly Column[] = [
  { title: "onnxruntime-web", rival: "onnxruntime-web", host: "node", ours: BITLANE },
  { title: "the same, Chromium", rival: "onnxruntime-web", host: "chromium", ours: BITLANE },
  { title: "LiteRT.js, Chromium", rival: "litert", host: "chromium", ours: BITLANE },
  { title: "tfjs-wasm, Chromium", rival: "tfjs-wasm", host: "chromium", ours: BITLANE },
  { title: "onnxruntime-node", rival: "onnxruntime-node", host: "node", ours: REVECTORIZED },
];

export const rivalsTable = (): string => rivals("rivals-int8");
export const floatRivalsTable = (): string => rivals("rivals-float");

/** Milliseconds of every runtime that was asked, and how many times faster bitlane is. */
function rivals(name: string): string {
  const report = read<RivalsReport>(name);
  const asked = new Set(report.networks.flatMap(({ rows }) => rows.map(({ label }) => label)));
  const columns = COLUMNS.filter(({ rival }) => asked.has(rival));
  const rows = report.networks.map(({ network, rows: measured }) => {
    const find = (label: string, host: HostName) =>
      measured.find((row) => row.label === label && row.host === host);
    return [
      network,
      ...[BITLANE, REVECTORIZED].map((label) => milliseconds(find(label, "node"))),
      ...columns.map(({ rival, host, ours }) => {
        const row = find(rival, host);
        const ratio = row?.bitlaneIsFaster[ours];
        return ratio === undefined ? milliseconds(row) : `${milliseconds(row)} (${times(ratio)})`;
      }),
    ];
  });
  const head = ["network", "bitlane", "revectorized", ...columns.map(({ title }) => title)];
  return [table(head, rows), ...describeAnswers(report), describe(report)].join("\n\n");
}

/** What comparing the answers can say nothing of: networks whose weights are random. */
function describeAnswers({ networks }: RivalsReport): string[] {
  const silent = networks.filter(({ rows }) =>
    rows.some(({ result }) => result?.agreement.caveat === CONSTANT_OUTPUT),
  );
  if (silent.length === 0) return [];
  const names = silent.map(({ network }) => network).join(", ");
  return [`Equal outputs whatever the input, so that comparing answers says little: ${names}.`];
}

/** A network in fewer bits beside the rivals' int8. */
export function lowBitRivalsTable(): string {
  const report = read<RivalsReport>("rivals-low-bit");
  const head = ["network", "bitlane in", "host", "ms", "own int8", "onnxruntime-web", "LiteRT.js"];
  const rows = report.networks.flatMap(({ network, rows: measured }) =>
    measured
      .filter(({ label }) => label.startsWith(BITLANE))
      .map((row) => {
        const { label, host } = row;
        const own = label.includes(REVECTORIZED.slice(BITLANE.length)) ? REVECTORIZED : BITLANE;
        const against = (rival: string): string => {
          const ratio = measured.find((r) => r.label === rival && r.host === host);
          return times(ratio?.bitlaneIsFaster[label]);
        };
        const name = label === own ? label.replace(BITLANE, "int8") : label.replace("bitlane ", "");
        const rivals = [own, "onnxruntime-web", "litert"].map(against);
        return [network, name, host, milliseconds(row), ...rivals];
      }),
  );
  return [table(head, rows), describe(report)].join("\n\n");
}

/** Top-1, bytes and time of networks in fewer bits, and of the files. */
export function comparedTable(): string {
  return compared("low-bit", ({ weightBytes, medianMs, speedUp, correct, of }) =>
    [
      `${correct} of ${of}`,
      kilobytes(weightBytes),
      `${digits(medianMs)} ms (${speedUp.toFixed(2)}×)`,
    ].join(", "),
  );
}

/** Top-1 and bytes of networks in minifloats, and of the files; of the same run. */
export function comparedMinifloatsTable(): string {
  return compared(
    "minifloat",
    ({ weightBytes, correct, of }) => `${correct} of ${of}, ${kilobytes(weightBytes)}`,
  );
}

function compared(
  kind: CompareBench["comparisons"][number]["kind"],
  cell: (scheme: Omit<SchemeReport, "layers">) => string,
): string {
  const report = read<CompareBench>("compare");
  const chosen = report.comparisons.filter((comparison) => comparison.kind === kind);
  const rows = chosen[0]!.schemes.map(({ name }, i) => [
    shortName(name),
    ...chosen.map(({ schemes }) => cell(schemes[i]!)),
  ]);
  return [table(["", ...chosen.map(({ name }) => name)], rows), describe(report)].join("\n\n");
}

/** `float8_e5m2` for `float8_e5m2/float8_e5m2`. */
function shortName(scheme: string): string {
  const [weights, activations] = scheme.split("/");
  if (scheme === "file") return "as in the file";
  return weights === activations ? weights! : scheme;
}

/** Times as fast as one thread, by way of running. */
export function threadsTable(): string {
  const report = read<ThreadsReport>("threads");
  const rows = report.networks.map(({ network, oneMs, run, runSync, runBatch }) => [
    network,
    `${digits(oneMs)} ms`,
    ...[run, runSync, runBatch].map((ratio) => ratio.toFixed(2)),
  ]);
  const head = ["network", "one thread", "`run`", "`runSync`", "`runBatch`"];
  return [table(head, rows), describe(report)].join("\n\n");
}

/** Networks on pairs of int16 and on split weights. */
export function splitTable(): string {
  const report = read<ReportHead & { readonly rows: readonly SplitRow[] }>("split-weights");
  const rows = report.rows.map((row) => [
    row.network,
    `${(100 * row.again).toFixed(0)} %`,
    row.layers === 0 ? "none" : `${row.layers}, ${(100 * row.work).toFixed(0)} %`,
    `${digits(row.pairsMs)} → ${digits(row.splitMs)}`,
    (row.pairsMs / row.splitMs).toFixed(2),
    `${(row.pairsBytes / 1e6).toFixed(1)} → ${(row.splitBytes / 1e6).toFixed(1)}`,
  ]);
  const head = ["network", "read again", "layers, of the work", "CPU ms", "ratio", "constants, MB"];
  return [table(head, rows), describe(report)].join("\n\n");
}

function milliseconds(row: Row | undefined): string {
  if (row?.result !== undefined) return digits(row.result.timeMs.median);
  const reason = row?.reason ?? "not asked";
  return /^no \w+ file$/.test(reason) ? reason : "refused";
}

function times(ratio: Ratio | undefined): string {
  return ratio === undefined ? "" : `${ratio.median.toFixed(ratio.median < 10 ? 2 : 1)}×`;
}

function kilobytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} kB` : megabytes(bytes);
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

/** Three digits, or what stands before the point. */
function digits(value: number): string {
  return value.toFixed(Math.max(0, 2 - Math.floor(Math.log10(value))));
}

/** Where the figures of a table come from. */
export function describe({ date, machine, versions, command }: ReportHead): string {
  const named = Object.entries(versions)
    .filter(([name, version]) => version !== undefined && name !== "v8")
    .map(([name, version]) => `${name} ${version}`);
  const { cpu, cores, extensions, load } = machine;
  return [
    `\`${command}\`, ${date.slice(0, 10)}: ${cores} cores of ${cpu} (${extensions.join(", ")})`,
    `load ${load.toFixed(1)} from other work before the run`,
    named.join(", "),
  ].join("; ");
}
