/** Softmax of float32 in networks with minifloats: every bit of the reference's exponentials. */
import { it } from "vitest";
import { float32, float8_e4m3fn } from "../../src/formats/index.ts";
import { createNode, type Graph, inferGraph } from "../../src/graph/index.ts";
import { encodeMinifloat, softmax } from "../../src/operators/index.ts";
import { expectReference } from "./against-reference.ts";
import { randomSource } from "./runner.ts";

function graphOf(shape: readonly number[], beta: number): Graph {
  const values = [
    { name: "x", type: { format: float32, shape } },
    { name: "y", type: { format: float32, shape: [] } },
    { name: "codes", type: { format: float8_e4m3fn, shape: [] } },
  ];
  const nodes = [
    createNode("softmax", softmax, { beta }, [0], [1]),
    createNode("encode", encodeMinifloat, { saturates: true }, [0], [2]),
  ];
  return inferGraph({ name: "", values, nodes, inputs: [0], outputs: [1, 2], metadata: new Map() });
}

const kernels = ["softmax_f32", "encode_f32_m8"];

/** Of both signs, by powers of ten from 10^-span to 10^span. */
function wide(count: number, span: number, seed: number): Float32Array {
  const random = randomSource(seed);
  return Float32Array.from(
    { length: count },
    () => (random() < 0.5 ? -1 : 1) * 10 ** ((random() * 2 - 1) * span),
  );
}

it.each([1, 2, 3, 4, 5, 10, 1001])("of %d classes", async (classes) => {
  for (const beta of [1, 0.37, 25]) {
    const x = Float32Array.from(wide(9 * classes, 1.5, classes + beta), (v) => v / 3);
    await expectReference(graphOf([3, 3, classes], beta), { kernels, inputs: [x] });
  }
});

it("of numbers of every size, with a negative beta, and with one of 0", async () => {
  for (const beta of [1, -1, -0.01, 0, 1e30]) {
    for (const span of [3, 38]) {
      const inputs = [wide(40 * 33, span, 8)];
      await expectReference(graphOf([40, 33], beta), { kernels, inputs });
    }
  }
});

it("near the ends of the exponential's range, and with infinities and NaN", async () => {
  const ends = [709.79, 709.8, 745.13, 745.14, 745.2, 88.7, 103.9, 104.1, 87.3, 0.35, 0.34];
  const special = [0, -0, Infinity, -Infinity, NaN, 3e38, -3e38, 1e-45];
  const x = [...ends, ...ends.map((value) => -value), ...special];
  const rows = [x, x.toReversed(), ends, special, [NaN, 1, 2], [1, NaN, 2], [0, -0], [-0, 0]];
  for (const row of rows) {
    for (const beta of [1, -1]) {
      const inputs = [Float32Array.from(row)];
      await expectReference(graphOf([row.length], beta), { kernels, inputs });
    }
  }
});

it("of many rows, on two threads", async () => {
  await expectReference(graphOf([3000, 7], 1), {
    ...{ kernels, threads: true },
    inputs: [wide(21_000, 1, 3)],
  });
});
