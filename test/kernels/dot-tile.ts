/** What every kernel of products on byte rows must be equal at, whatever its tile: extents about the tile, windows, threads. */
import { it } from "vitest";
import { conv2D, fullyConnected } from "../../src/operators/index.ts";
import { expectEqual } from "./expect-equal.ts";
import { type OperandForm, randomProblem, roundings } from "./gemm-problem.ts";

const BUILDS = ["release-relaxed", "debug-relaxed"] as const;

type Extent = readonly [number, number, number, number];

/** Input, filters, strides. */
// prettier-ignore
const WINDOWS: readonly (readonly [Extent, Extent, readonly [number, number]])[] = [
  [[1, 9, 7, 3], [9, 3, 3, 3], [2, 2]],
  [[2, 6, 5, 4], [7, 3, 3, 4], [1, 1]],
  [[1, 11, 12, 12], [8, 5, 3, 12], [1, 2]],
  [[1, 8, 8, 40], [17, 3, 3, 40], [2, 1]],
  [[1, 7, 9, 5], [8, 3, 3, 5], [1, 1]],
  [[2, 12, 13, 3], [8, 5, 5, 3], [2, 2]],
  [[1, 33, 70, 3], [8, 3, 3, 3], [2, 2]],
];

export function randomProduct(
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

/** Tests of `gemm_<suffix>` and `conv_<suffix>`. */
export function testDotTile(form: OperandForm, suffix: string): void {
  it.each(roundings)("equal at every boundary of the tile (%s)", async (rounding) => {
    for (const build of BUILDS) {
      const check = (rows: number, columns: number, depth: number) =>
        expectEqual(randomProduct(form, rows, columns, depth), `gemm_${suffix}`, {
          build,
          rounding,
        });
      for (const rows of [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13]) await check(rows, 11, 13);
      for (const columns of [1, 7, 8, 9, 16, 17]) await check(6, columns, 13);
      for (const depth of [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 300]) {
        await check(6, 11, depth);
      }
    }
  });

  it("equal on windows", async () => {
    for (const [x, w, strides] of WINDOWS) {
      const shape = { form, x, w, channels: w[0], depth: w[1] * w[2] * w[3] };
      const attributes = { strides, dilations: [1, 1], padding: "same", activation: "relu6" };
      const problem = randomProblem(conv2D, attributes as never, shape);
      for (const build of BUILDS) await expectEqual(problem, `conv_${suffix}`, { build });
    }
  });

  it("equal over threads", async () => {
    const options = { build: "release-relaxed", workers: 2 } as const;
    await expectEqual(randomProduct(form, 200, 200, 200), `gemm_${suffix}`, options);
  });
}
