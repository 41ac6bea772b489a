/**
 * The relaxed-dot kernels of matrix products and convolutions. They are exact only where the probe
 * says so: on other machines the plan must not take them, and that is what is tested there.
 */
import { describe, expect, it } from "vitest";
import { gemmRules, kernelTable } from "../../src/kernels/index.ts";
import { createPlan, type Plan } from "../../src/plan/index.ts";
import { relaxedDotClass } from "../../src/wasm/index.ts";
import { randomProduct, testDotTile } from "./dot-tile.ts";
import { expectEqual } from "./expect-equal.ts";
import type { OperandForm } from "./gemm-problem.ts";
import { kernelsOf } from "./runner.ts";

const machineClass = relaxedDotClass();
const isExact = machineClass === "usdot" || machineClass === "sdot";
const forms: readonly OperandForm[] = ["int8", "uint8", "int4"];

/** Activation code of a form on a machine: bytes as they are, or flipped. */
function code(form: OperandForm, dot: string): string {
  return (form === "uint8") === (dot === "usdot") ? "x8" : "f8";
}

/** `OutputParameters.rule` of a plan of one step. */
function ruleOf({ steps: [step] }: Plan): number {
  if (step?.kind !== "kernel") throw new TypeError("expected a kernel");
  const rule = step.parameters[kernelTable.get(step.kernel)!.parameters.indexOf("rule")]!;
  return rule.kind === "i32" ? rule.value : NaN;
}

describe.runIf(isExact).each(forms)("the relaxed dot on %s", (form) => {
  const suffix = `${code(form, machineClass)}_i8_6x8c4_relaxed`;

  testDotTile(form, suffix);

  it("is equal where scaled sums may pass 2^22 and just where they may not", async () => {
    const rules = new Set<number>();
    for (let factor = 1; factor > 2 ** -24; factor /= 4) {
      const problem = randomProduct(form, 6, 11, 40, factor);
      await expectEqual(problem, `gemm_${suffix}`, { build: "release-relaxed" });
      const machine = { isa: "relaxed", dot: machineClass } as const;
      rules.add(ruleOf(createPlan(problem.graph, { rounding: "fp32", machine })));
    }
    const { smallFp32, fp32, fixedUp } = gemmRules;
    // TFLite has a rule of its own for weights of 4 bits.
    expect([...rules]).toEqual(form === "int4" ? [fixedUp] : [smallFp32, fp32]);
  });
});

describe("the plan", () => {
  const kernel = (form: OperandForm, dot: "usdot" | "sdot" | "saturating" | "none") =>
    kernelsOf(
      createPlan(randomProduct(form, 6, 11, 13).graph, {
        rounding: "fp32",
        machine: { isa: "relaxed", dot },
      }),
    );

  it("takes the relaxed dot where it is exact, in the form that the machine reads", () => {
    for (const form of forms) {
      const weights = form === "int4" ? "i4" : "i8";
      for (const dot of ["usdot", "sdot"] as const) {
        expect(kernel(form, dot)).toEqual([`gemm_${code(form, dot)}_${weights}_6x8c4_relaxed`]);
      }
    }
    expect(kernel("int8", "usdot")).not.toEqual(kernel("int8", "sdot"));
  });

  it("does not take it where pairs saturate, where nothing is known, or for wide weights", () => {
    expect(kernel("int8", "saturating")).toEqual(["gemm_i8_i8_4x8c2"]);
    expect(kernel("int8", "none")).toEqual(["gemm_i8_i8_4x8c2"]);
    expect(kernel("int8 wide", "usdot")).toEqual(["gemm_i8_i16_4x8c2"]);
  });
});
