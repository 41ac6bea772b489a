/** The table and the JSON of a run. */
import { median } from "./statistics.ts";
import type { Result, Row } from "./measure.ts";

export interface NetworkRows {
  readonly network: string;
  readonly rows: readonly Row[];
}

/** Ends the label of a row that was measured under V8's revectorization. */
export const REVECTORIZED = " revectorized";

export interface Ratio {
  /** How many times faster bitlane is: median over the rounds of (their time / its time). */
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Both in one run, turn by turn; a rival of Node is compared with bitlane in Node. */
export function ratio(theirs: Result, ours: Result): Ratio {
  const ratios = theirs.roundsMs.map((time, round) => time / ours.roundsMs[round]!);
  return { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
}

/**
 * For each row, by the label of each bitlane row of the same host. Of bitlane's own rows the plain ones
 * are compared, "bitlane" and "bitlane revectorized", with those of fewer bits.
 */
export function ratiosOf(rows: readonly Row[]): Record<string, Ratio>[] {
  return rows.map(({ label, host, result }) => {
    const isOurs = label.startsWith("bitlane");
    if (result === undefined || (isOurs && isRequantized(label))) return {};
    const ours = rows.filter(
      (row) =>
        row.host === host &&
        row.label.startsWith("bitlane") &&
        (!isOurs ||
          (isRequantized(row.label) && isRevectorized(row.label) === isRevectorized(label))),
    );
    return Object.fromEntries(
      ours.flatMap((row) =>
        row.result === undefined ? [] : [[row.label, ratio(result, row.result)] as const],
      ),
    );
  });
}

const isRequantized = (label: string): boolean => label.includes("/");
const isRevectorized = (label: string): boolean => label.endsWith(REVECTORIZED);

/** The figures of "times faster" follow the order of the bitlane rows of the same host. */
export function printTable({ network, rows }: NetworkRows, threads: number): void {
  console.log(`\n${network}, ${threads} thread${threads === 1 ? "" : "s"} (ms per inference)`);
  console.log(
    line(["", "host", "median", "min", "p95", "load", "bitlane is … times faster", "answer"]),
  );
  const ratios = ratiosOf(rows);
  rows.forEach((row, i) => console.log(line(cells(row, ratios[i]!))));
}

function cells({ label, host, result, reason }: Row, ratios: Record<string, Ratio>): string[] {
  if (result === undefined) return [label, host, "n/a", "", "", "", "", reason ?? ""];
  const { median: centre, min, p95 } = result.timeMs;
  const times = Object.values(ratios).map((r, _, { length }) => {
    const range = length > 2 ? "" : ` (${r.min.toFixed(2)}…${r.max.toFixed(2)})`;
    return r.median.toFixed(2) + range;
  });
  return [
    label,
    host,
    ...[centre, min, p95].map(milliseconds),
    result.openMs.toFixed(0),
    times.join(", "),
    [describeAnswer(result), result.note].filter((text) => text !== "").join("; "),
  ];
}

function describeAnswer({ agreement }: Result): string {
  const { verdict, sameTop1, difference, unit, caveat } = agreement;
  const amount = unit === "steps" ? `${difference.toFixed(1)} steps` : difference.toExponential(1);
  const measured = `${verdict === "disagrees" ? "DISAGREES" : verdict}: ${sameTop1 ? "same" : "other"} top-1, off by ${amount}`;
  return caveat === "" ? measured : `${measured} (${caveat})`;
}

function milliseconds(time: number): string {
  return time.toFixed(time < 1 ? 4 : 2);
}

const WIDTHS = [31, 9, 9, 9, 9, 7, 38, 0];

function line(texts: readonly string[]): string {
  return texts
    .map((text, i) => (i < 2 || i > 5 ? text.padEnd(WIDTHS[i]!) : text.padStart(WIDTHS[i]!)))
    .join(" ")
    .trimEnd();
}
