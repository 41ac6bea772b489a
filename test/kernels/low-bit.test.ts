/**
 * Weights below 8 bits and narrowed activations: every kernel that can compute a product, equal to
 * `reference()` bit for bit, at every boundary of tiles, packings and narrow sums.
 */
import { describe, expect, it } from "vitest";
import { flushes, gemmForm, gemmForms } from "../../src/kernels/index.ts";
import { createPlan, type Machine } from "../../src/plan/index.ts";
import type { TensorData } from "../../src/tensor/index.ts";
import { relaxedDotClass } from "../../src/wasm/index.ts";
import {
  activationNames,
  type ActivationName,
  type LowBitProblem,
  lowBitProblem,
  type WeightName,
} from "./low-bit-problem.ts";
import {
  kernelsOf,
  randomData,
  randomSource,
  referenceOutputs,
  type RunOptions,
  runGraph,
} from "./runner.ts";

const machine: Machine = { isa: "relaxed", dot: relaxedDotClass() };
const names = [...gemmForms.values()].flatMap(({ name, operations }) =>
  operations.map((operation) => `${operation}_${name}`),
);
const lowWeights = ["int4", "uint4", "int2", "uint2", "ternary", "binary"] as const;
const relaxedBuilds = ["release-relaxed", "debug-relaxed"] as const;

/** Kernels that the plan takes for a graph if they are asked for. */
function fittingKernels(graph: ReturnType<typeof lowBitProblem>): string[] {
  return names.filter((forced) => {
    const kernels = kernelsOf(createPlan(graph, { rounding: "fp32", machine, forced }));
    return kernels.length === 1 && kernels[0] === forced;
  });
}

/** Runs every fitting kernel and compares; returns their names. `fill`: the code at index i of x. */
async function expectAllEqual(
  problem: LowBitProblem,
  fill?: (index: number) => number,
  options: readonly RunOptions[] = [{}],
  among = /./,
): Promise<string[]> {
  const graph = lowBitProblem(problem);
  const { type } = graph.values[0]!;
  const x = randomData(type, randomSource(problem.seed ?? 1));
  if (fill !== undefined) for (let i = 0; i < x.length; i++) x[i] = fill(i) as never;
  const kernels = fittingKernels(graph).filter((name) => among.test(name));
  for (const { rounding = "fp32", build = "release-relaxed", workers = 0 } of options) {
    const [expected] = referenceOutputs(graph, [x], rounding);
    for (const forced of kernels) {
      const { outputs } = await runGraph(graph, [x], { rounding, build, workers, forced });
      expect(difference(outputs[0]!, expected!), `${forced} ${JSON.stringify(problem)}`).toBe("");
    }
  }
  return kernels;
}

function difference(got: TensorData, expected: TensorData): string {
  const at = expected.findIndex((value: number | bigint, i: number) => value !== got[i]);
  return at < 0 ? "" : `element ${at}: expected ${expected[at]}, got ${got[at]}`;
}

describe.each(lowWeights)("weights of %s", (weights) => {
  it.each(activationNames)("with %s are equal at every boundary of tiles", async (activations) => {
    const seen = new Set<string>();
    const run = async (rows: number, columns: number, depth: number): Promise<void> => {
      const problem = { weights, activations, x: [rows, depth], w: [columns, depth] };
      const seed = rows + columns + depth;
      for (const kernel of await expectAllEqual({ ...problem, seed })) seen.add(kernel);
    };
    for (const rows of [1, 2, 3, 4, 5, 6, 11]) await run(rows, 19, 48);
    for (const columns of [1, 7, 8, 9, 15, 16, 17, 33]) await run(3, columns, 16);
    for (const depth of [1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 32, 33, 64, 100]) {
      await run(6, 17, depth);
      // Packed panels are multiplied as they are.
      await run(1, 9, depth);
    }
    await run(2, 24, 52);
    // Byte panels, packed ones, and where activations are narrow look-up.
    const forms = [...seen].map((name) => gemmForm(name.slice(name.indexOf("_") + 1)).method);
    expect(new Set(forms)).toEqual(new Set(expectedMethods(weights, activations)));
  });

  it("are equal on windows, over debug and release builds and both rules", async () => {
    const shapes: Pick<LowBitProblem, "x" | "w" | "strides" | "padding" | "dilations">[] = [
      { x: [1, 7, 6, 16], w: [17, 3, 3, 16] },
      { x: [2, 6, 5, 5], w: [7, 3, 2, 5], strides: [2, 1] },
      { x: [1, 9, 9, 8], w: [20, 3, 3, 8], dilations: [2, 2], padding: "valid" },
    ];
    for (const activations of ["int8", "uint8", "uint8>uint4"] as const) {
      for (const shape of shapes) {
        await expectAllEqual(
          { weights, activations, ...shape, isRequantized: activations === "uint8>uint4" },
          undefined,
          relaxedBuilds.flatMap((build) => [
            { build, rounding: "fp32" as const },
            { build, rounding: "tflite-reference" as const },
          ]),
        );
      }
    }
  });

  it.each(activationNames)("multiply every code with every code of %s", async (activations) => {
    const { format } = lowBitProblem({ weights, activations, x: [1, 1], w: [1, 1] }).values.at(
      -3,
    )!.type;
    // Row r holds one code everywhere, column n another; binary codes are the bits.
    const isBinary = weights === "binary";
    const low = isBinary ? 0 : format.min;
    const columns = (isBinary ? 1 : format.max) - low + 1;
    const depth = 16;
    const first = activations.startsWith("uint8") ? 0 : -128;
    for (const gain of [0.002, 0.03, 1]) {
      await expectAllEqual(
        {
          ...{ weights, activations, x: [256, depth], w: [columns, depth], gain },
          code: (i) => low + Math.floor(i / depth),
        },
        (i) => first + Math.floor(i / depth),
      );
    }
  });
});

function expectedMethods(weights: WeightName, activations: ActivationName): string[] {
  const isNarrow = activations.includes(">");
  const hasTables = isNarrow && weights !== "int4" && weights !== "uint4";
  const isExact = machine.dot === "usdot" || machine.dot === "sdot";
  return ["pairs", "deep", ...(isExact ? ["dot"] : []), ...(hasTables ? ["tables"] : [])];
}

/** The depth at which narrow sums are full, of the kernels that have them. */
function fullDepths(weights: WeightName, activations: ActivationName): number[] {
  const bits = { int4: "i4", int2: "i2", ternary: "i2", binary: "b1" } as const;
  const code = bits[weights as keyof typeof bits];
  const largest = weights === "int4" ? 15 : weights === "int2" ? 3 : 2;
  const narrow = { ">uint4": 15, ">uint2": 3, ">uint1": 1, "": undefined }[
    activations.replace(/^u?int8/, "")
  ];
  const prefix = narrow === undefined ? "i8" : "u4";
  const deep = flushes(gemmForm(`${prefix}_${code}_4x8c4_relaxed`), largest, narrow);
  if (narrow === undefined || weights === "int4") return [4 * deep.flushSteps];
  const table = gemmForm(code === "b1" ? "u4_b1_4x16c4" : "u4_i2_2x16c4");
  const { flushSteps, widenFlushes } = flushes(table, largest, narrow);
  return [4 * deep.flushSteps, 16 * flushSteps, 16 * flushSteps * widenFlushes];
}

describe("Winograd", () => {
  const codes = { int4: "i4", uint4: "i4", int2: "i2", uint2: "i2", ternary: "i2", binary: "b1" };

  it.each(lowWeights)("of %s frees packed filters, and takes narrow codes", async (weights) => {
    for (const activations of activationNames) {
      for (const [channels, columns] of [
        [8, 9],
        [24, 33],
      ] as const) {
        const of = { weights, activations, x: [1, 9, 10, channels], w: [columns, 3, 3, channels] };
        const graph = lowBitProblem(of);
        const x = randomData(graph.values[0]!.type, randomSource(3));
        const forced = `winograd_${activations === "uint8" ? "u8" : "i8"}_${codes[weights]}_4x8c2`;
        const isNarrow = activations.includes(">");
        for (const build of ["release-plain", "debug-plain"] as const) {
          const { plan, outputs } = await runGraph(graph, [x], { forced, build });
          expect(kernelsOf(plan)).toEqual([...(isNarrow ? ["lookup_8"] : []), forced]);
          expect(difference(outputs[0]!, referenceOutputs(graph, [x])[0]!), forced).toBe("");
        }
      }
    }
  });
});

describe("threads", () => {
  it("of every number give the same bits", async () => {
    const of = { x: [90, 96], w: [72, 96] } as const;
    const problems: readonly LowBitProblem[] = [
      { ...of, weights: "int4", activations: "uint8" },
      { ...of, weights: "binary", activations: "int8>uint4" },
    ];
    const methods = /^(gemm|conv_u4)/;
    for (const problem of problems) {
      await expectAllEqual(
        problem,
        undefined,
        [1, 2, 3].map((workers) => ({ workers })),
        methods,
      );
    }
  });
});

describe("narrow sums", () => {
  const classes: readonly (readonly [WeightName, ActivationName])[] = [
    ...(["int4", "int2", "ternary", "binary"] as const).flatMap((weights) =>
      (["int8", "uint8", "int8>uint4", "int8>uint2", "uint8>uint1"] as const).map(
        (x) => [weights, x] as const,
      ),
    ),
  ];

  it.each(classes)("of %s and %s hold the extremes to the last value", async (weights, x) => {
    const ends =
      weights === "binary" ? [0, 1] : weights === "ternary" ? [-1, 1] : ends4(weights === "int4");
    const [low, high] = x.startsWith("uint8") ? [0, 255] : [-128, 127];
    const longest = x.endsWith("uint1") ? 65_793 : 25_000;
    for (const full of fullDepths(weights, x)) {
      const depths = [full - 16, full - 1, full, full + 1, full + 16, 2 * full];
      for (const depth of depths.filter((k) => k > 0 && k <= longest)) {
        for (const code of ends) {
          for (const value of [low, high]) {
            await expectAllEqual(
              {
                ...{ weights, activations: x, x: [2, depth], w: [9, depth] },
                // The sum itself is to be seen: no bias moves it to an end of the output.
                gain: 60 / (depth * (x.includes(">") ? 15 : 128) * (weights === "int4" ? 8 : 2)),
                code: () => code,
              },
              () => value,
            );
          }
        }
      }
    }
  });

  it("would overflow one step later", () => {
    const int16 = 2 ** 15;
    for (const [name, code] of [
      ["i4", 15],
      ["i2", 3],
      ["i2", 2],
      ["b1", 2],
    ] as const) {
      const steps = flushes(gemmForm(`i8_${name}_4x8c4_relaxed`), code, undefined).flushSteps;
      expect(steps * 256 * code).toBeLessThanOrEqual(int16);
      expect((steps + 2) * 256 * code).toBeGreaterThan(int16);
      for (const largest of [1, 3, 15]) {
        const narrow = flushes(gemmForm(`u4_${name}_4x8c4_relaxed`), code, largest).flushSteps;
        expect(narrow * 2 * largest * code).toBeLessThan(int16);
        expect((narrow + 2) * 2 * largest * code).toBeGreaterThanOrEqual(int16);
      }
    }
    for (const largest of [1, 3, 15]) {
      for (const [name, sum] of [
        ["u4_i2_2x16c4", 3],
        ["u4_b1_4x16c4", 1],
      ] as const) {
        const { flushSteps, widenFlushes } = flushes(gemmForm(name), 3, largest);
        expect(flushSteps * 16 * largest).toBeLessThan(256);
        expect((flushSteps + 1) * 16 * largest).toBeGreaterThan(255);
        expect(widenFlushes * flushSteps * 16 * largest * sum).toBeLessThan(2 ** 16);
      }
    }
  });
});

function ends4(isInt4: boolean): readonly [number, number] {
  return isInt4 ? [-8, 7] : [-2, 1];
}

describe("the plan", () => {
  const kernels = (problem: Partial<LowBitProblem>, chosen: Machine): string[] => {
    const whole = { weights: "int4", activations: "int8", x: [9, 64], w: [40, 64] } as const;
    return kernelsOf(
      createPlan(lowBitProblem({ ...whole, ...problem }), { rounding: "fp32", machine: chosen }),
    );
  };
  const usdot: Machine = { isa: "relaxed", dot: "usdot" };
  const sdot: Machine = { isa: "relaxed", dot: "sdot" };
  const saturating: Machine = { isa: "relaxed", dot: "saturating" };
  const plain: Machine = { isa: "simd128", dot: "none" };

  it("takes the dot, deep sums or pairs by the machine, with packed weights", () => {
    expect(kernels({}, usdot)).toEqual(["gemm_f8_i4_6x8c4_relaxed"]);
    expect(kernels({}, sdot)).toEqual(["gemm_x8_i4_6x8c4_relaxed"]);
    expect(kernels({}, saturating)).toEqual(["gemm_i8_i4_4x8c4_relaxed"]);
    expect(kernels({}, plain)).toEqual(["gemm_i8_i4_4x8c2"]);
    expect(kernels({ activations: "uint8", weights: "ternary" }, saturating)).toEqual([
      "gemm_u8_i2_4x8c4_relaxed",
    ]);
  });

  it("takes look-up from the columns on at which it beats the machine's products", () => {
    const narrow = (weights: WeightName, columns: number, chosen: Machine) =>
      kernels({ activations: "int8>uint4", weights, w: [columns, 64] }, chosen)[0];
    expect(narrow("binary", 128, usdot)).toBe("conv_u4_b1_4x16c4_relaxed");
    expect(narrow("binary", 127, usdot)).toBe("conv_u4_b1_6x8c4_relaxed");
    expect(narrow("binary", 64, saturating)).toBe("conv_u4_b1_4x16c4_relaxed");
    expect(narrow("binary", 63, saturating)).toBe("conv_u4_b1_4x8c4_relaxed");
    expect(narrow("int2", 1000, usdot)).toBe("conv_u4_i2_6x8c4_relaxed");
    expect(narrow("int2", 256, saturating)).toBe("conv_u4_i2_2x16c4_relaxed");
    expect(narrow("ternary", 255, saturating)).toBe("conv_u4_i2_4x8c4_relaxed");
    expect(narrow("ternary", 128, plain)).toBe("conv_u4_i2_2x16c4");
    expect(narrow("int2", 127, plain)).toBe("conv_u4_i2_4x8c2");
    expect(narrow("int4", 1000, plain)).toBe("conv_u4_i4_4x8c2");
    const short = { activations: "int8>uint2", weights: "int2", w: [256, 64] } as const;
    expect(kernels(short, usdot)).toEqual(["conv_u4_i2_2x16c4_relaxed"]);
  });

  it("takes Winograd where the direct product costs more, which the dot and look-up of one plane lower", () => {
    const of = (size: number) => ({ x: [1, size, size, 64], w: [64, 3, 3, 64] }) as const;
    const winograd = "winograd_i8_i4_4x8c2";
    expect(kernels(of(8), usdot)).toEqual(["conv_f8_i4_6x8c4_relaxed"]);
    expect(kernels(of(56), usdot)).toEqual([winograd]);
    expect(kernels(of(14), saturating)).toEqual([winograd]);
    const narrow = { ...of(14), activations: "int8>uint4" } as const;
    expect(kernels({ ...narrow, ...of(8) }, usdot)).toEqual(["conv_u4_i4_6x8c4_relaxed"]);
    expect(kernels(narrow, plain)).toEqual(["lookup_8", winograd]);
    expect(kernels({ ...narrow, ...of(8), weights: "binary" }, plain)).toEqual([
      "conv_u4_b1_4x16c4",
    ]);
    expect(kernels({ ...narrow, ...of(56), weights: "binary" }, saturating)).toEqual([
      "lookup_8",
      "winograd_i8_b1_4x8c2",
    ]);
  });

  it("keeps one bit for whole steps of depth, and takes two otherwise", () => {
    const odd = { weights: "binary", x: [9, 63], w: [40, 63] } as const;
    expect(kernels(odd, usdot)).toEqual(["gemm_f8_i2_6x8c4_relaxed"]);
  });

  it("leaves a Quantize alone that has another reader, or sums beyond int16", () => {
    expect(kernels({ activations: "int8>uint4", multiplier: 200 }, usdot)).toEqual([
      "reference",
      "reference",
    ]);
    const graph = lowBitProblem({
      ...{ weights: "int4", x: [9, 64], w: [40, 64] },
      activations: "int8>uint4",
    });
    const shown = { ...graph, outputs: [...graph.outputs, 1] };
    expect(kernelsOf(createPlan(shown, { rounding: "fp32", machine: usdot }))).toEqual([
      "reference",
      "reference",
    ]);
  });

  it("holds weights in half and a quarter of the bytes", () => {
    const bytes = (weights: WeightName): number => {
      const graph = lowBitProblem({ weights, activations: "int8", x: [9, 512], w: [64, 512] });
      return createPlan(graph, { rounding: "fp32", machine: usdot }).constantBytes;
    };
    expect(bytes("int4") / bytes("int8")).toBeLessThan(0.55);
    expect(bytes("int2") / bytes("int8")).toBeLessThan(0.3);
    expect(bytes("binary") / bytes("int8")).toBeLessThan(0.2);
  });
});
