/** The command line tool as a function of its arguments: dispatch, help, exit codes. */
import { BitlaneError } from "../errors.ts";
import { bench } from "./bench.ts";
import {
  Arguments,
  type Command,
  helpText,
  type Terminal,
  UsageError,
  usageLine,
} from "./command.ts";
import { compare } from "./compare.ts";
import { formats } from "./formats.ts";
import { inspect } from "./inspect.ts";
import { run } from "./run.ts";
import { verify } from "./verify.ts";

const COMMANDS: readonly Command[] = [inspect, run, verify, bench, compare, formats];

const SUCCESS = 0;
const FAILURE = 1;
const USAGE = 2;

/** @returns the exit code; errors are printed as one line each */
export async function runCli(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = argv;
  if (name === "--help" || name === "help") {
    terminal.line(overview());
    return SUCCESS;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) {
    if (name !== undefined) terminal.remark(`bitlane: expected a command, got "${name}"`);
    terminal.remark(overview());
    return USAGE;
  }
  try {
    const given = new Arguments(command, rest);
    if (given.flag("help")) {
      terminal.line(helpText(command));
      return SUCCESS;
    }
    return await command.run(given, terminal);
  } catch (error) {
    terminal.progress(undefined);
    terminal.remark(`bitlane ${command.name}: ${oneLine(error)}`);
    if (!(error instanceof UsageError)) return FAILURE;
    terminal.remark(`${usageLine(command)}\nbitlane ${command.name} --help lists the options`);
    return USAGE;
  }
}

function overview(): string {
  const rows = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(8)}  ${summary}`);
  return [
    "usage: bitlane COMMAND [options]",
    "",
    ...rows,
    "",
    "bitlane COMMAND --help lists the options. Exit codes: 0 success, 1 failure, 2 wrong usage.",
  ].join("\n");
}

/** `CODE: message`; anything that bitlane did not throw on purpose is INTERNAL. */
function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const line = text.trim().replaceAll(/\s*\n\s*/g, "; ");
  if (error instanceof UsageError) return line;
  return `${error instanceof BitlaneError ? error.code : "INTERNAL"}: ${line}`;
}
