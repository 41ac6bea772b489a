/** What a command of the command line tool is, and how its arguments are read. */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { InputError } from "../errors.ts";

/** The arguments are wrong: exit code 2 and the command's usage. */
export class UsageError extends Error {}

/** One option of a command: its row in `--help` and its type for the parser. */
export interface Option {
  readonly name: string;
  /** Placeholder of the value, e.g. "FILE"; a flag has none. */
  readonly value?: string;
  readonly multiple?: boolean;
  readonly help: string;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Positional arguments as they are written in the usage line. */
  readonly operands: string;
  readonly options: readonly Option[];
  /** Notes below the options in `--help`. */
  readonly notes?: string;
  /** @returns the exit code: 0 success, 1 failure. @throws UsageError, BitlaneError */
  run(given: Arguments, terminal: Terminal): Promise<number>;
}

/** Where a command writes: results to `line`, remarks and progress to the error stream. */
export interface Terminal {
  line(text: string): void;
  remark(text: string): void;
  /** A transient line on a terminal; nothing elsewhere. `undefined` clears it. */
  progress(text: string | undefined): void;
}

export const JSON_OPTION: Option = { name: "json", help: "one JSON document on standard output" };
const HELP_OPTION: Option = { name: "help", help: "this text" };
export const THREADS_OPTION: Option = {
  name: "threads",
  value: "N",
  help: "threads of one inference",
};
export const REVECTORIZE_OPTION: Option = {
  name: "revectorize",
  help: "V8's 256-bit pass (Node 24 and newer), compared with plain code first",
};
export const NO_DETERMINISTIC_OPTION: Option = {
  name: "no-deterministic",
  help: "float32 products by fused multiply-adds, whose results depend on the machine",
};
export const ROUNDING_OPTION: Option = {
  name: "rounding",
  value: "RULE",
  help: "fp32 (default) or tflite-reference",
};

/** The parsed arguments of one command. */
export class Arguments {
  readonly operands: readonly string[];
  readonly #values: Readonly<Record<string, unknown>>;

  /** @throws UsageError for an option that the command does not have, or a missing value */
  constructor(command: Command, argv: readonly string[]) {
    const options: NonNullable<ParseArgsConfig["options"]> = {};
    for (const { name, value, multiple } of [...command.options, HELP_OPTION]) {
      options[name] = {
        type: value === undefined ? "boolean" : "string",
        multiple: multiple ?? false,
      };
    }
    try {
      const parsed = parseArgs({ args: [...argv], options, allowPositionals: true });
      this.operands = parsed.positionals;
      this.#values = parsed.values;
    } catch (error) {
      throw new UsageError(firstSentence((error as Error).message));
    }
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }

  text(name: string): string | undefined {
    return this.#values[name] as string | undefined;
  }

  list(name: string): readonly string[] {
    return (this.#values[name] as readonly string[] | undefined) ?? [];
  }

  /** An integer option in [min, max]. @throws UsageError */
  integer(name: string, min: number, max: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (!(value >= min && value <= max)) {
      throw new UsageError(`--${name}: expected an integer in [${min}, ${max}], got "${text}"`);
    }
    return value;
  }

  /** A number of 0 or more. @throws UsageError */
  number(name: string): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = text.trim() === "" ? NaN : Number(text);
    if (!(value >= 0)) throw new UsageError(`--${name}: expected a number ≥ 0, got "${text}"`);
    return value;
  }

  /** An option with a fixed set of values. @throws UsageError */
  choice<T extends string>(name: string, values: readonly T[]): T | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = values.find((candidate) => candidate === text);
    if (value === undefined) {
      throw new UsageError(`--${name}: expected ${values.join(" or ")}, got "${text}"`);
    }
    return value;
  }

  /** The only operand. @throws UsageError */
  operand(what: string): string {
    if (this.operands.length === 1) return this.operands[0]!;
    throw new UsageError(`expected one ${what}, got ${this.operands.length || "none"}`);
  }
}

/** parseArgs explains how to escape a positional argument; its first sentence says what is wrong. */
function firstSentence(message: string): string {
  return message.split(/\. |\n/)[0]!;
}

export function helpText({ name, summary, operands, options, notes }: Command): string {
  const rows = [...options, HELP_OPTION].map(({ name: option, value, multiple, help }) => {
    const left = `  --${option}${value === undefined ? "" : ` ${value}`}${multiple ? "…" : ""}`;
    return `${left.padEnd(24)}  ${help}`;
  });
  const usage = `${usageLine({ name, operands })}\n\n${summary}\n\n${rows.join("\n")}`;
  return notes === undefined ? usage : `${usage}\n\n${notes}`;
}

export function usageLine({ name, operands }: Pick<Command, "name" | "operands">): string {
  return `usage: bitlane ${name} ${operands} [options]`;
}

/** The reason of a failed file operation, without a stack. */
export function fileError(file: string, what: string, cause: unknown): InputError {
  const code = (cause as { code?: unknown }).code;
  return new InputError(`${file}: expected ${what}, got ${String(code ?? cause)}`, { cause });
}
