/** What a target of asconfig.json means: how modules are compiled, and the machine that plans are made for. */
import type { Mode } from "../../scripts/wasm.ts";
import type { Machine } from "../../src/plan/index.ts";
import { relaxedDotClass } from "../../src/wasm/index.ts";

export interface Build {
  readonly mode: Mode;
  readonly machine: Machine;
}

/** @throws Error for a target that asconfig.json does not have */
export function findBuild(target: string): Build {
  const [, mode, isa] = /^(release|debug)-(plain|relaxed)$/.exec(target) ?? [];
  if (mode === undefined) throw new Error(`expected a target of asconfig.json, got "${target}"`);
  return {
    mode: mode as Mode,
    machine: isa === "relaxed" ? { isa, dot: relaxedDotClass() } : { isa: "simd128" },
  };
}
