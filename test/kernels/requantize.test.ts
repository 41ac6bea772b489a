/**
 * The fixed-point rules on kernels, whatever the accumulator: filters of zeros, so that the bias is the sum.
 * Panels whose columns share a shift take one way, the others another; both equal `reference()`.
 */
import { describe, expect, it } from "vitest";
import { int32, int4, int8 } from "../../src/formats/index.ts";
import { conv2D } from "../../src/operators/index.ts";
import { perChannel, perTensor } from "../../src/quantization/index.ts";
import { allocateTensor, type Tensor } from "../../src/tensor/index.ts";
import { nodeGraph, randomSource, referenceOutputs, runGraph, testBuilds } from "./runner.ts";

const COLUMNS = 1024;
const MIN = -(2 ** 31);
const MAX = 2 ** 31 - 1;

/** Multipliers of the columns of a panel, and whether they share a shift. */
const PANELS: readonly (readonly [string, readonly number[]])[] = [
  ["alike", [0.011, 0.012, 0.013, 0.014, 0.015, 0.009, 0.01, 0.008]],
  [
    "powers of two, whose ties are exact",
    [2 ** -4, 2 ** -5, 2 ** -6, 2 ** -7, 2 ** -4, 2 ** -5, 2 ** -6, 2 ** -8],
  ],
  ["below one half", [0.49, 0.26, 0.3, 0.499, 0.25, 0.4, 0.3, 0.33]],
  ["one of them above one half", [0.01, 0.51, 0.02, 0.99, 1, 2.5, 40, 0.3]],
  [
    "as far apart as one shift reaches",
    [2 ** -2, 2 ** -6, 2 ** -9, 2 ** -3, 2 ** -9, 2 ** -8, 2 ** -4, 2 ** -5],
  ],
  ["farther apart", [2 ** -2, 2 ** -20, 2 ** -9, 2 ** -3, 2 ** -28, 2 ** -8, 2 ** -4, 2 ** -5]],
  ["tiny, some of them 0", [2 ** -34, 0.01, 2 ** -40, 0.02, 2 ** -34, 0.03, 0.04, 0.05]],
];

function sums(multipliers: readonly number[]): Int32Array {
  const random = randomSource(11);
  const ends = [MIN, MIN + 1, MAX, MAX - 1, 0, 1, -1];
  return Int32Array.from({ length: COLUMNS }, (_, c) => {
    const turn = Math.floor(c / 8);
    if (turn < ends.length) return ends[turn]!;
    const sign = random() < 0.5 ? -1 : 1;
    // Results within the codes, half of them at a tie or beside one; else any size.
    const steps = Math.floor(random() * 300) + (turn % 4 < 2 ? 0.5 : random());
    const inside = Math.round(steps / multipliers[c % 8]!) + (turn % 3) - 1;
    const any = 2 ** (random() * 31);
    return Math.min(Math.max(sign * (turn % 4 < 3 ? inside : any), MIN), MAX);
  });
}

describe("columns with multipliers", () => {
  it.each(PANELS)("%s give the bits of the reference, under both rules", async (_, multipliers) => {
    const scales = Float32Array.from({ length: COLUMNS }, (_unused, c) => multipliers[c % 8]!);
    const bias = allocateTensor({ format: int32, shape: [COLUMNS] });
    (bias.data as Int32Array).set(sums(multipliers));
    for (const format of [int8, int4]) {
      const quantization = perChannel(scales, new Int32Array(COLUMNS), 0);
      const w: Tensor = allocateTensor({ format, shape: [COLUMNS, 1, 1, 4], quantization });
      for (const zeroPoint of [-128, 0, 127]) {
        const x = { format: int8, shape: [1, 1, 3, 4], quantization: perTensor(1, 5) };
        const y = { format: int8, shape: [], quantization: perTensor(1, zeroPoint) };
        const attributes = {
          ...({ strides: [1, 1], dilations: [1, 1], padding: "valid" } as const),
          activation: "none" as const,
        };
        const graph = nodeGraph(conv2D, attributes, [x, w, bias], [y]);
        const input = new Int8Array(12).fill(7);
        for (const rounding of ["fp32", "tflite-reference"] as const) {
          const [expected] = referenceOutputs(graph, [input], rounding);
          for (const build of testBuilds) {
            const { outputs } = await runGraph(graph, [input], { rounding, build });
            expect(outputs[0]).toEqual(expected);
          }
        }
      }
    }
  });
});
