/** The JSON of a bench: what was measured, when, by which command, on which machine and versions. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bitlane } from "./rivals/bitlane.ts";
import { describeMachine, installedVersion, type Machine } from "./rivals/harness/machine.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

export interface ReportHead {
  readonly date: string;
  readonly command: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string | undefined>>;
}

export interface ReportOptions {
  /** Where it goes; by default a dated file in bench/results. */
  readonly output?: string | undefined;
  /** Results worth keeping are committed; a brief run's are not. */
  readonly isBrief: boolean;
}

/**
 * Begins a report; call it before measuring, for the machine's load.
 * @param command what was typed, up to the arguments
 */
export function beginReport(command: string, versions: ReportHead["versions"] = {}): ReportHead {
  return {
    date: new Date().toISOString(),
    command: [command, ...process.argv.slice(2)].join(" "),
    machine: describeMachine(),
    versions: {
      bitlane: installedVersion(bitlane),
      node: process.version,
      v8: process.versions.v8,
      ...versions,
    },
  };
}

/** @param name of the dated file */
export function writeReport(
  name: string,
  head: ReportHead,
  content: object,
  { output, isBrief }: ReportOptions,
): void {
  const time = head.date.slice(0, 16).replace(":", "");
  const folder = isBrief ? "bench/results/local" : "bench/results";
  const file = resolve(output ?? join(root, folder, `${name}-${time}.json`));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ ...head, ...content }, undefined, 1)}\n`);
  console.log(`\nwritten to ${relative(root, file)}`);
}
