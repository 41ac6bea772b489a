/**
 * The material that lies beside the repository: networks, golden outputs, data. A clone without it
 * skips the tests that need it, and `npm test` says so; a machine that runs CI must have it.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../shared", import.meta.url));

/**
 * A path below `../shared`, or `undefined` if that folder is missing: the test is then skipped.
 * @throws Error if the environment variable CI is set and the path is missing
 */
export function sharedPath(...segments: string[]): string | undefined {
  const path = join(root, ...segments);
  if (existsSync(path)) return path;
  if (process.env["CI"]) throw new Error(`expected ${path} because CI is set, found nothing`);
  return undefined;
}
