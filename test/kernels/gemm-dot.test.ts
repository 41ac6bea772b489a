/**
 * The relaxed-dot kernels of matrix products and convolutions. They are exact only where the probe
 * says so: on other machines the plan must not take them, and that is what is tested there.
 */
import { describe, expect, it } from "vitest";
import { conv2D, fullyConnected } from "../../src/operators/index.ts";
import { gemmRules, kernelTable } from "../../src/kernels/index.ts";
import { createPlan, type Plan } from "../../src/plan/index.ts";
import { relaxedDotClass } from "../../src/wasm/index.ts";
import { expectEqual } from "./expect-equal.ts";
import { type OperandForm, randomProblem, roundings } from "./gemm-problem.ts";
import { kernelsOf } from "./runner.ts";

const machineClass = relaxedDotClass();
const isExact = machineClass === "usdot" || machineClass === "sdot";
const forms: readonly OperandForm[] = ["int8", "uint8", "int4"];

/** Activation code of a form on a machine: bytes as they are, or flipped. */
function code(form: OperandForm, dot: string): string {
  return (form === "uint8") === (dot === "usdot") ? "x8" : "f8";
}

function product(
  form: OperandForm,
  rows: number,
  columns: number,
  depth: number,
  outputFactor?: number,
) {
  return randomProblem(
    fullyConnected,
    { activation: "none", keepDims: false },
    { form, x: [rows, depth], w: [columns, depth], channels: columns, depth, outputFactor },
  );
}

/** `OutputParameters.rule` of a plan of one step. */
function ruleOf({ steps: [step] }: Plan): number {
  if (step?.kind !== "kernel") throw new TypeError("expected a kernel");
  const rule = step.parameters[kernelTable.get(step.kernel)!.parameters.indexOf("rule")]!;
  return rule.kind === "i32" ? rule.value : NaN;
}

type Extent = readonly [number, number, number, number];

function convolution(form: OperandForm, x: Extent, w: Extent, strides: readonly [number, number]) {
  return randomProblem(
    conv2D,
    { strides, dilations: [1, 1], padding: "same", activation: "relu6" },
    { form, x, w, channels: w[0], depth: w[1] * w[2] * w[3] },
  );
}

const builds = ["release-relaxed", "debug-relaxed"] as const;

describe.runIf(isExact).each(forms)("the relaxed dot on %s", (form) => {
  const suffix = `${code(form, machineClass)}_i8_6x8c4_relaxed`;

  it.each(roundings)("is equal at every boundary of the tile (%s)", async (rounding) => {
    for (const build of builds) {
      const options = { build, rounding };
      for (const rows of [1, 2, 3, 4, 5, 6, 7, 11, 12, 13]) {
        await expectEqual(product(form, rows, 11, 13), `gemm_${suffix}`, options);
      }
      for (const columns of [1, 7, 8, 9, 16, 17]) {
        await expectEqual(product(form, 6, columns, 13), `gemm_${suffix}`, options);
      }
      for (const depth of [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 300]) {
        await expectEqual(product(form, 6, 11, depth), `gemm_${suffix}`, options);
      }
    }
  });

  it("is equal on windows", async () => {
    const shapes: [Extent, Extent, readonly [number, number]][] = [
      [
        [1, 9, 7, 3],
        [9, 3, 3, 3],
        [2, 2],
      ],
      [
        [2, 6, 5, 4],
        [7, 3, 3, 4],
        [1, 1],
      ],
      [
        [1, 11, 12, 12],
        [8, 5, 3, 12],
        [1, 2],
      ],
      [
        [1, 8, 8, 40],
        [17, 3, 3, 40],
        [2, 1],
      ],
      [
        [1, 7, 9, 5],
        [8, 3, 3, 5],
        [1, 1],
      ],
      [
        [2, 12, 13, 3],
        [8, 5, 5, 3],
        [2, 2],
      ],
      [
        [1, 33, 70, 3],
        [8, 3, 3, 3],
        [2, 2],
      ],
    ];
    for (const [x, w, strides] of shapes) {
      for (const build of builds) {
        const options = { build };
        await expectEqual(convolution(form, x, w, strides), `conv_${suffix}`, options);
      }
    }
  });

  it("is equal where scaled sums may pass 2^22 and just where they may not", async () => {
    const rules = new Set<number>();
    for (let factor = 1; factor > 2 ** -24; factor /= 4) {
      const problem = product(form, 6, 11, 40, factor);
      await expectEqual(problem, `gemm_${suffix}`, { build: "release-relaxed" });
      const machine = { isa: "relaxed", dot: machineClass } as const;
      rules.add(ruleOf(createPlan(problem.graph, { rounding: "fp32", machine })));
    }
    const { smallFp32, fp32, fixedUp } = gemmRules;
    // TFLite has a rule of its own for weights of 4 bits.
    expect([...rules]).toEqual(form === "int4" ? [fixedUp] : [smallFp32, fp32]);
  });

  it("is equal over threads", async () => {
    await expectEqual(product(form, 200, 200, 200), `gemm_${suffix}`, {
      build: "release-relaxed",
      workers: 2,
    });
  });
});

describe("the plan", () => {
  const kernel = (form: OperandForm, dot: "usdot" | "sdot" | "saturating" | "none") =>
    kernelsOf(
      createPlan(product(form, 6, 11, 13).graph, {
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
