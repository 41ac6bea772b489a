/**
 * Int16 sums of split weights: exact where the machine's int16 dot reads its second operand unsigned.
 */
import { describe, expect, it } from "vitest";
import { int32, int8, uint8 } from "../../src/formats/index.ts";
import { countAgain } from "../../src/kernels/index.ts";
import { fullyConnected } from "../../src/operators/index.ts";
import { createPlan } from "../../src/plan/index.ts";
import { perTensor } from "../../src/quantization/index.ts";
import { isHalfSaturating, relaxedDotClass } from "../../src/wasm/index.ts";
import { testDotTile } from "./dot-tile.ts";
import { expectEqual } from "./expect-equal.ts";
import type { OperandForm } from "./gemm-problem.ts";
import { kernelsOf, nodeGraph, randomSource } from "./runner.ts";

const isUnsigned = ["usdot", "saturating"].includes(relaxedDotClass()) && isHalfSaturating();
const builds = ["release-relaxed", "debug-relaxed"] as const;
const forms: readonly OperandForm[] = ["int8", "int8 wide", "uint8", "uint8 wide"];
const code = (form: OperandForm) => (form.startsWith("uint8") ? "x8" : "f8");

/** uint8 · int8 with the weights `weight(n, k)`. */
function problemOf(
  columns: number,
  depth: number,
  weight: (n: number, k: number) => number,
  rows = 6,
) {
  const data = Int8Array.from({ length: columns * depth }, (_, i) =>
    weight(Math.floor(i / depth), i % depth),
  );
  const w = {
    type: { format: int8, shape: [columns, depth], quantization: perTensor(0.01, 0) },
    data,
  };
  const bias = {
    type: { format: int32, shape: [columns], quantization: perTensor(0.0001, 0) },
    data: new Int32Array(columns),
  };
  const x = { format: uint8, shape: [rows, depth], quantization: perTensor(0.01, 3) };
  const y = { format: uint8, shape: [rows, columns], quantization: perTensor(0.02 * depth, 128) };
  const attributes = { activation: "none", keepDims: false } as const;
  return {
    graph: nodeGraph(fullyConnected, attributes, [x, w, bias], [y]),
    random: randomSource(7),
    weights: data,
  };
}

describe.runIf(isUnsigned).each(forms)("sums of split weights on %s", (form) => {
  const suffix = `${code(form)}_s8_4x8c4_relaxed`;

  testDotTile(form, suffix);
});

/** Weights of one lane: k 0, 1, 4 and 5 of each 8. */
const lane = (values: readonly number[]) => (_: number, k: number) =>
  k % 4 < 2 ? values[(k % 4) + 2 * ((k >> 2) % 2)]! : 0;

describe("the proof", () => {
  it.each([
    [[127, 0, 0, 0], 0],
    [[32, 32, 32, 31], 0],
    [[64, 64, 0, 0], 1],
    [[32, 32, 32, 32], 1],
    [[-128, 0, 0, 0], 0],
    [[-32, -32, -32, -32], 0],
    [[-32, -32, -32, -33], 1],
    [[127, -128, 0, 0], 0],
    [[127, 127, 0, 0], 1],
    [[-128, -128, 0, 0], 1],
    [[127, 127, 127, 127], 3],
    [[-128, -128, -128, -128], 3],
  ])("of a lane of %o reads %i units again, and sums are equal", async (values, again) => {
    const problem = problemOf(9, 8, lane(values));
    expect(countAgain(problem.weights, 9, 8, Infinity)).toEqual({ all: 2 * again, largest: again });
    if (!isUnsigned) return;
    // The largest code everywhere, and any.
    for (const random of [() => 1 - 2 ** -20, problem.random]) {
      for (const build of builds) {
        await expectEqual({ ...problem, random }, "gemm_x8_s8_4x8c4_relaxed", { build });
      }
    }
  });

  it("gives up as soon as too much is read again", () => {
    const { weights } = problemOf(64, 64, () => 127);
    expect(countAgain(weights, 64, 64, 10)).toBeUndefined();
  });
});

describe("the plan", () => {
  const kernel = (weight: (n: number, k: number) => number, dot: "usdot" | "saturating" | "none") =>
    kernelsOf(
      createPlan(problemOf(16, 64, weight).graph, {
        rounding: "fp32",
        machine: { isa: "relaxed", dot },
      }),
    );
  const small = (n: number, k: number) => ((n * 7 + k * 5) % 41) - 20;

  it("takes split weights where pairs saturate and few units are read again", () => {
    expect(kernel(small, "saturating")).toEqual(["gemm_x8_s8_4x8c4_relaxed"]);
    expect(kernel(() => 127, "saturating")).toEqual(["gemm_u8_i8_4x8c2"]);
  });

  it("does not take them beside the exact dot, nor where nothing is known", () => {
    expect(kernel(small, "usdot")).toEqual(["gemm_x8_i8_6x8c4_relaxed"]);
    expect(kernel(small, "none")).toEqual(["gemm_u8_i8_4x8c2"]);
  });
});
