/** Which kernel modules a network loads: those of its plan, and no other. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { isMaddFused } from "../../src/wasm/index.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Loads a model of the built package in a process of its own; prints the files that this imported. */
const PROGRAM = `
  import { registerHooks } from "node:module";
  const { load } = await import("./dist/index.js");
  const urls = [];
  registerHooks({
    load(url, context, next) {
      urls.push(url);
      return next(url, context);
    },
  });
  const model = await load(process.argv[1], JSON.parse(process.argv[2]));
  const files = urls.map((url) => /([^/]+?)(\\.generated)?-\\w+\\.js$/.exec(url)?.[1] ?? url);
  const kernels = model.runner.binding.program.modules.flatMap((module) =>
    WebAssembly.Module.exports(module).map(({ name }) => name),
  );
  const used = model.plan.steps.flatMap(({ kernel }) => kernel ?? []);
  console.log(JSON.stringify({ planned: model.plan.modules, files, kernels, used }));
  await model.dispose();
`;

interface Loaded {
  readonly planned: readonly string[];
  readonly files: readonly string[];
  readonly kernels: readonly string[];
  readonly used: readonly string[];
}

function loadApart(file: string, options: object = {}): Loaded {
  const args = ["--input-type=module", "--eval", PROGRAM, file, JSON.stringify(options)];
  const child = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8" });
  if (child.status !== 0) throw new Error(child.stderr);
  return JSON.parse(child.stdout) as Loaded;
}

const int8 = "models/digits_int8.tflite";
const float = "models/digits_float.tflite";
const plain = { isa: "simd128", threads: 1 };

const cases = [
  {
    title: "int8 layers on one thread",
    ...{ file: int8, options: plain, modules: ["plain/core", "plain/int8"], parts: [] },
  },
  {
    title: "int8 layers on two threads",
    ...{ file: int8, options: { ...plain, threads: 2, minPoolMacs: 0 } },
    ...{ modules: ["plain/core", "plain/int8"], parts: ["pool"] },
  },
  {
    title: "float32 layers",
    ...{ file: float, options: plain, modules: ["plain/float"], parts: [] },
  },
  {
    title: "float32 layers by multiply-adds, where the machine has them",
    ...{ file: float, options: { threads: 1, deterministic: false }, parts: [] },
    modules: isMaddFused() ? ["plain/float", "relaxed/float"] : ["plain/float"],
  },
  {
    title: "int8 layers in 4 bits",
    ...{ file: int8, options: { ...plain, weights: "int4" } },
    ...{ modules: ["plain/core", "plain/int8"], parts: ["requantization"] },
  },
  {
    title: "minifloat layers",
    ...{ file: float, options: { ...plain, weights: "float8_e4m3fn", activations: "float32" } },
    modules: ["plain/float", "plain/minifloat"],
    parts: ["minifloats", "requantization"],
  },
];

describe("a network loads the kernel modules of its plan, the parts of the library that it needs, and no other", () => {
  it.each(cases)("$title", ({ file, options, modules, parts }) => {
    const { planned, files, kernels, used } = loadApart(file, options);
    expect(planned).toEqual(modules);
    const wanted = [...modules.map((name) => name.replace("/", "-")), ...parts];
    expect(files.filter((name) => name !== "chunk").sort()).toEqual(wanted.sort());
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((name) => !kernels.includes(name))).toEqual([]);
  });
});
