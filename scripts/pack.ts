/**
 * Packs the built package as `npm publish` would, and installs it into an empty folder. Needs no
 * network: the one dependency is packed from node_modules.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./wasm.ts";

/** Output of a finished command. @throws Error with its output if it fails or takes too long */
export function capture(command: string, args: readonly string[], cwd: string): string {
  const result = spawnSync(command, args, { cwd, encoding: "utf8", timeout: 120_000 });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) {
    const exit = result.signal ?? result.status;
    throw new Error(
      `expected exit code 0, got ${exit}: ${command} ${args.join(" ")}\n${result.stdout}${result.stderr}`,
    );
  }
  return result.stdout;
}

/** Writes a tarball of the package in `source` into `folder` and returns its path. */
export function pack(source: string, folder: string): string {
  const args = ["pack", source, "--ignore-scripts", "--json", "--pack-destination", folder];
  const [packed] = JSON.parse(capture("npm", args, root)) as { filename: string }[];
  return join(folder, packed!.filename);
}

/** Makes `folder` a project that has bitlane installed; returns the path of bitlane's tarball. */
export function installPackage(folder: string): string {
  const tarball = pack(root, folder);
  const dependency = pack(join(root, "node_modules/@assemblyscript/loader"), folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "stranger", private: true }));
  const flags = ["--offline", "--ignore-scripts", "--no-audit", "--no-fund"];
  capture("npm", ["install", ...flags, tarball, dependency], folder);
  return tarball;
}
