/**
 * Weights with a scale for each block of depth: every kernel that can compute a product, equal to
 * `reference()` bit for bit, at every boundary of tiles, blocks and taps.
 */
import { describe, expect, it } from "vitest";
import { gemmForms } from "../../src/kernels/index.ts";
import { createPlan, type Machine } from "../../src/plan/index.ts";
import { relaxedDotClass } from "../../src/wasm/index.ts";
import { type LowBitProblem, lowBitProblem } from "./low-bit-problem.ts";
import {
  kernelsOf,
  randomData,
  randomSource,
  referenceOutputs,
  type RunOptions,
  runGraph,
  testBuilds,
} from "./runner.ts";

const machine: Machine = { isa: "relaxed", dot: relaxedDotClass() };
const names = [...gemmForms.values()].flatMap(({ name, hasBlocks, operations }) =>
  hasBlocks ? operations.map((operation) => `${operation}_${name}`) : [],
);
const weightNames = ["int4", "int2", "ternary", "binary"] as const;
const activationNames = ["int8", "uint8", "int8>uint4", "uint8>uint1"] as const;

async function expectAllEqual(
  problem: LowBitProblem,
  options: readonly RunOptions[] = [{ build: "release-relaxed" }],
): Promise<string[]> {
  const graph = lowBitProblem(problem);
  const x = randomData(graph.values[0]!.type, randomSource(problem.seed ?? 1));
  const kernels = names.filter((forced) => {
    const taken = kernelsOf(createPlan(graph, { rounding: "fp32", machine, forced }));
    return taken.length === 1 && taken[0] === forced;
  });
  const [expected] = referenceOutputs(graph, [x]);
  for (const option of options) {
    const fitting = option.build?.endsWith("plain")
      ? kernels.filter((name) => !name.endsWith("relaxed"))
      : kernels;
    for (const forced of fitting) {
      const { outputs } = await runGraph(graph, [x], { ...option, forced });
      expect(outputs[0], `${forced} ${JSON.stringify({ problem, option })}`).toEqual(expected);
    }
  }
  return kernels;
}

/** The last part of the names of the kernels that this machine has. */
const ownForms = [
  "4x8c2",
  ...(machine.dot === "usdot" || machine.dot === "sdot" ? ["relaxed"] : []),
];

describe.each(weightNames)("blocks of %s", (weights) => {
  it.each(activationNames)(
    "beside %s are equal at every boundary of tiles",
    async (activations) => {
      const seen = new Set<string>();
      const run = async (rows: number, columns: number, depth: number, blockSize: number) => {
        const problem = { weights, activations, x: [rows, depth], w: [columns, depth], blockSize };
        for (const name of await expectAllEqual({ ...problem, seed: rows + columns + depth })) {
          seen.add(name.split("_").at(-1)!);
        }
      };
      for (const rows of [1, 2, 3, 4, 5, 6, 11]) await run(rows, 19, 96, 32);
      for (const columns of [1, 7, 8, 9, 17]) await run(3, columns, 64, 16);
      // One block, whole blocks, a shorter one behind them, blocks of one unit.
      for (const depth of [4, 8, 12, 32, 60, 64, 68, 100]) await run(6, 9, depth, 32);
      for (const blockSize of [4, 8, 12, 64, 128]) await run(6, 9, 64, blockSize);
      expect([...seen].sort()).toEqual(ownForms);
    },
  );

  it("are equal on windows, on all builds, with scales of 16 and 32 bits", async () => {
    const shapes: Pick<LowBitProblem, "x" | "w" | "strides" | "padding" | "dilations">[] = [
      { x: [1, 7, 6, 20], w: [17, 3, 3, 20] },
      { x: [2, 6, 5, 4], w: [7, 3, 2, 4], strides: [2, 1] },
      { x: [1, 9, 9, 8], w: [20, 3, 3, 8], dilations: [2, 2], padding: "valid" },
    ];
    for (const activations of activationNames) {
      for (const shape of shapes) {
        for (const hasShortScales of [true, false]) {
          await expectAllEqual(
            { weights, activations, ...shape, blockSize: 8, hasShortScales },
            testBuilds.map((build) => ({ build })),
          );
        }
      }
    }
  });
});

describe("blocks", () => {
  it("give the same bits under both rules and on every number of threads", async () => {
    const of = { x: [90, 96], w: [72, 96], blockSize: 32 } as const;
    for (const activations of ["uint8", "int8>uint4"] as const) {
      await expectAllEqual(
        { ...of, weights: "int4", activations },
        [1, 2, 3].flatMap((workers) =>
          (["fp32", "tflite-reference"] as const).map((rounding) => ({
            ...{ workers, rounding },
            build: "release-relaxed" as const,
          })),
        ),
      );
    }
  });

  it("hold the extremes: every sum at its end, results at both ends of the range", async () => {
    for (const activations of ["int8", "uint8"] as const) {
      for (const code of [-8, 7]) {
        for (const gain of [1e-6, 0.001, 1, 1000]) {
          await expectAllEqual({
            ...{ weights: "int4", activations, x: [5, 512], w: [9, 512], blockSize: 512 },
            ...{ gain, code: () => code },
          });
        }
      }
    }
  });

  it("take half of int8's bytes and a 64th for each 16 bits of scale", () => {
    const bytes = (of: Partial<LowBitProblem>): number => {
      const graph = lowBitProblem({
        ...{ weights: "int4", activations: "int8", x: [9, 512], w: [64, 512] },
        ...of,
      });
      return createPlan(graph, { rounding: "fp32", machine }).constantBytes;
    };
    const int8 = bytes({ weights: "int8" });
    expect(bytes({ blockSize: 64 }) / int8).toBeLessThan(0.55);
    expect(bytes({ blockSize: 32 }) / int8).toBeLessThan(0.58);
    expect(bytes({ weights: "int2", blockSize: 64 }) / int8).toBeLessThan(0.3);
  });

  it("of taps that are no whole units run as their reference", () => {
    const graph = lowBitProblem({
      ...{ weights: "int4", activations: "int8>uint4", x: [1, 5, 5, 6], w: [8, 3, 3, 6] },
      blockSize: 4,
    });
    expect(kernelsOf(createPlan(graph, { rounding: "fp32", machine }))).toEqual([
      "reference",
      "reference",
    ]);
  });
});
