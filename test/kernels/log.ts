/**
 * Set-up of a whole test run: a file in which runner.ts notes the kernels that it ran, for
 * coverage.test.ts. A run of some test files only has none.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KERNEL_LOG } from "./noted-kernels.ts";

export default function setup(): (() => void) | undefined {
  const isPartial = process.argv.slice(2).some((word) => word !== "run" && !word.startsWith("-"));
  if (isPartial) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "bitlane-kernels-"));
  process.env[KERNEL_LOG] = join(folder, "log");
  return () => rmSync(folder, { recursive: true });
}
