/** The process's streams as a `Terminal`, and text tables. */
import type { Terminal } from "./command.ts";

const CLEAR_LINE = "\r\u001b[2K";

export function processTerminal(): Terminal {
  const { stdout, stderr } = process;
  let shown = false;
  const clear = () => {
    if (shown) stderr.write(CLEAR_LINE);
    shown = false;
  };
  return {
    line(text) {
      clear();
      stdout.write(`${text}\n`);
    },
    remark(text) {
      clear();
      stderr.write(`${text}\n`);
    },
    progress(text) {
      clear();
      if (text === undefined || !stderr.isTTY) return;
      stderr.write(text.slice(0, Math.max(1, (stderr.columns ?? 80) - 1)));
      shown = true;
    },
  };
}

/** Columns padded to their widest cell; numbers (cells of a column marked "right") end flush. */
export function textTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly ("left" | "right")[] = [],
): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map((row) =>
      row
        .map((cell, i) =>
          align[i] === "right" ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const UNITS = ["", "k", "M", "G", "T"];

/** Three significant digits and a decimal prefix: 300.1 M, 53.9 k. */
export function withPrefix(value: number): string {
  let unit = 0;
  let scaled = value;
  while (scaled >= 999.5 && unit < UNITS.length - 1) {
    scaled /= 1000;
    unit++;
  }
  const text = unit === 0 ? String(Math.round(scaled)) : scaled.toPrecision(3);
  return `${text} ${UNITS[unit]!}`.trimEnd();
}
