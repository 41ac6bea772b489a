/**
 * Runs the tests and ends with one line of counts: `N passed, N failed, N skipped`. The exit code is
 * Vitest's. Arguments are handed on: `npm test -- test/architecture.test.ts`.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./wasm.ts";

interface Report {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string }[];
  }[];
}

const folder = mkdtempSync(join(tmpdir(), "bitlane-test-"));
const file = join(folder, "report.json");
const { status } = spawnSync(
  process.execPath,
  [
    join(root, "node_modules/vitest/vitest.mjs"),
    "run",
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: "inherit" },
);
const counts = countTests(file);
rmSync(folder, { recursive: true });
// An error outside of any test, or a crash, fails the run without a failed test.
if (status !== 0 && counts.failed === 0) counts.failed = 1;
process.exitCode = counts.failed > 0 ? (status ?? 1) || 1 : 0;
if (counts.skipped > 0 && !existsSync(join(root, "../shared"))) {
  console.log("skipped: the tests that need ../shared, which is not here");
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);

function countTests(reportFile: string): { passed: number; failed: number; skipped: number } {
  const result = { passed: 0, failed: 0, skipped: 0 };
  let report: Report;
  try {
    report = JSON.parse(readFileSync(reportFile, "utf8")) as Report;
  } catch {
    return { ...result, failed: 1 };
  }
  for (const { status: fileStatus, assertionResults } of report.testResults) {
    const failedBefore = result.failed;
    for (const test of assertionResults) {
      if (test.status === "passed") result.passed++;
      else if (test.status === "failed") result.failed++;
      else result.skipped++;
    }
    // A file that does not load has no tests to fail.
    if (fileStatus === "failed" && result.failed === failedBefore) result.failed++;
  }
  return result;
}
