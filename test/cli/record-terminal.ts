/** A terminal that keeps what a command writes, and runs commands on it. */
import { expect } from "vitest";
import { runCli } from "../../src/cli/cli.ts";
import type { Terminal } from "../../src/cli/command.ts";

export interface Recorded {
  readonly code: number;
  /** Standard output. */
  readonly output: string;
  /** The error stream without transient lines. */
  readonly remarks: string;
}

export async function cli(...argv: string[]): Promise<Recorded> {
  const lines: string[] = [];
  const remarks: string[] = [];
  const terminal: Terminal = {
    line: (text) => lines.push(text),
    remark: (text) => remarks.push(text),
    progress: () => undefined,
  };
  const code = await runCli(argv, terminal);
  return { code, output: lines.join("\n"), remarks: remarks.join("\n") };
}

/** The same with `--json`: one line that is a JSON document, and no remark. */
export async function cliJson(
  ...argv: string[]
): Promise<{ readonly code: number; readonly document: Readonly<Record<string, unknown>> }> {
  const { code, output, remarks } = await cli(...argv, "--json");
  expect(remarks).toBe("");
  expect(output).not.toContain("\n");
  return { code, document: JSON.parse(output) as Record<string, unknown> };
}
