/** The modules of a target of asconfig.json and the machine that plans are made for. */
import { readFileSync } from "node:fs";
import type { Machine } from "../../src/plan/index.ts";
import { relaxedDotClass } from "../../src/wasm/index.ts";

export interface Build {
  readonly modules: readonly WebAssembly.Module[];
  readonly machine: Machine;
}

/** @throws Error where the target has not been built */
export function loadBuild(target: string): Build {
  const isRelaxed = target.includes("relaxed");
  // Relaxed kernels stand beside the plain ones of the same mode.
  const names = isRelaxed ? [target.replace("relaxed", "plain"), target] : [target];
  return {
    modules: names.map(
      (name) =>
        new WebAssembly.Module(readFileSync(new URL(`../../build/${name}.wasm`, import.meta.url))),
    ),
    machine: isRelaxed ? { isa: "relaxed", dot: relaxedDotClass() } : { isa: "simd128" },
  };
}
