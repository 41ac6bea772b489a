/** Which kernels a test run has executed: notes of many processes in one file. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";

/** Environment variable with the path of the file; unset: nothing is noted. */
export const KERNEL_LOG = "BITLANE_KERNEL_LOG";

const noted = new Set<string>();

export function noteKernels(names: readonly string[]): void {
  const file = process.env[KERNEL_LOG];
  if (file === undefined) return;
  const fresh = names.filter((name) => !noted.has(name));
  for (const name of fresh) noted.add(name);
  if (fresh.length > 0) appendFileSync(file, `${fresh.join("\n")}\n`);
}

/** Undefined where nothing was to be noted. */
export function notedKernels(): ReadonlySet<string> | undefined {
  const file = process.env[KERNEL_LOG];
  if (file === undefined) return undefined;
  return new Set(existsSync(file) ? readFileSync(file, "utf8").split("\n") : []);
}
