/** ArgMax kernels equal to `reference()`: ties, NaN, rows around a vector. */
import { describe, it } from "vitest";
import { float32, int32, int64, int8, uint8 } from "../../src/formats/index.ts";
import { argMax } from "../../src/operators/index.ts";
import { expectReference } from "./against-reference.ts";
import { nodeGraph, randomSource } from "./runner.ts";

const cases = [
  { format: int8, kernel: "arg_max_i8" },
  { format: uint8, kernel: "arg_max_u8" },
  { format: float32, kernel: "arg_max_f32" },
];

describe.each(cases)("$kernel", ({ format, kernel }) => {
  const graphOf = (rows: number, length: number, result = int32) =>
    nodeGraph(
      argMax,
      { axis: -1 },
      [{ format, shape: [rows, length] }],
      [{ format: result, shape: [] }],
    );

  it.each([1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 21, 31, 32, 33, 1001])(
    "finds the first of equals among %i values",
    async (length) => {
      const random = randomSource(length);
      const rows = 40;
      const data = format === float32 ? new Float32Array(rows * length) : undefined;
      const codes = format === int8 ? new Int8Array(rows * length) : new Uint8Array(rows * length);
      const values = data ?? codes;
      // Four different values: every row has ties.
      values.forEach((_, i) => (values[i] = Math.floor(random() * 4) + format.min / 2));
      for (const result of [int32, int64]) {
        await expectReference(graphOf(rows, length, result), {
          kernels: [kernel],
          inputs: [values],
        });
      }
    },
  );

  it("goes over an axis that is not the last", async () => {
    for (const axis of [0, 1, 2]) {
      const graph = nodeGraph(
        argMax,
        { axis },
        [{ format, shape: [5, 33, 17, 2] }],
        [{ format: int64, shape: [] }],
      );
      await expectReference(graph, { kernels: [kernel] });
    }
  });

  it("covers the whole range and several tiles", async () => {
    await expectReference(graphOf(6000, 37), { kernels: [kernel], threads: true });
  });
});

describe("arg_max_f32", () => {
  it("keeps a NaN that is first and passes over later ones", async () => {
    const graph = nodeGraph(
      argMax,
      { axis: 1 },
      [{ format: float32, shape: [6, 6] }],
      [{ format: int32, shape: [] }],
    );
    const rows = [
      [NaN, 1, 2, 3, 4, 5],
      [0, NaN, 2, 1, NaN, 2],
      [NaN, NaN, NaN, NaN, NaN, NaN],
      [-Infinity, NaN, -Infinity, NaN, NaN, NaN],
      [-0, 0, -0, 0, 0, -0],
      [-Infinity, Infinity, NaN, Infinity, 1, 2],
    ];
    await expectReference(graph, {
      kernels: ["arg_max_f32"],
      inputs: [Float32Array.from(rows.flat())],
    });
  });
});
