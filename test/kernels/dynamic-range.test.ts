/** Float32 activations beside integer weights: kernels equal to `reference()`, bit for bit. */
import { describe, expect, it } from "vitest";
import { float32, type Format, int4, int8 } from "../../src/formats/index.ts";
import { conv2D, fullyConnected, type Operator } from "../../src/operators/index.ts";
import { perChannel, perTensor, type Rounding } from "../../src/quantization/index.ts";
import { allocateTensor, type Shape, type Tensor } from "../../src/tensor/index.ts";
import { expectReference } from "./against-reference.ts";
import { kernelsOf, nodeGraph, randomData, randomSource, runGraph } from "./runner.ts";

const ROUNDINGS: readonly Rounding[] = ["fp32", "tflite-reference"];
const WINDOW = { strides: [1, 1], dilations: [1, 1], padding: "same" } as const;

interface Problem {
  readonly operator: Operator<never>;
  readonly attributes: object;
  readonly x: Shape;
  readonly w: Shape;
  readonly format?: Format;
  readonly isPerChannel?: boolean;
  readonly largest?: boolean;
}

function graphOf(problem: Problem) {
  const { operator, attributes, x, w, format = int8, isPerChannel = true, largest } = problem;
  const random = randomSource(11);
  const channels = w[0]!;
  const scales = Array.from({ length: channels }, () => 0.001 + 0.01 * random());
  const zeros = scales.map(() => 0);
  const quantization = isPerChannel ? perChannel(scales, zeros, 0) : perTensor(0.013, 0);
  const type = { format, shape: w, quantization };
  const weights: Tensor = { type, data: randomData(type, random) };
  if (largest === true) weights.data.fill(127 as never);
  const bias = allocateTensor({ format: float32, shape: [channels] });
  for (let c = 0; c < channels; c++) bias.data[c] = random() - 0.5;
  return nodeGraph(
    operator as Operator<object>,
    attributes,
    [{ format: float32, shape: x }, weights, bias],
    [{ format: float32, shape: [] }],
  );
}

/** Parts of every kind: of both signs, of one sign, of zeros, of numbers that are none, and the very small. */
function awkward(shape: Shape): Float32Array {
  const random = randomSource(5);
  const last = shape.at(-1)!;
  const count = shape.reduce((product, extent) => product * extent, 1);
  return Float32Array.from({ length: count }, (_, i) => {
    const value = random() * 2 - 1;
    switch (Math.floor(i / last) % 9) {
      case 0:
        return Math.abs(value);
      case 1:
        return -Math.abs(value);
      case 2:
        return 0;
      case 3:
        return i % last === 0 ? NaN : value;
      case 4:
        return i % last === 0 ? Infinity : value;
      case 5:
        return value * 1e-45;
      case 6:
        return value * 3e38;
      case 7:
        return Math.round(value * 6) / 2;
      default:
        return value * 7;
    }
  });
}

const PROBLEMS: readonly (readonly [string, Problem])[] = [
  ["1x1", { operator: conv2D, attributes: WINDOW, x: [2, 5, 7, 19], w: [11, 1, 1, 19] }],
  ["3x3", { operator: conv2D, attributes: WINDOW, x: [3, 6, 5, 8], w: [9, 3, 3, 8] }],
  [
    "10x4 with strides, one channel",
    {
      operator: conv2D,
      attributes: { ...WINDOW, strides: [2, 2] },
      x: [1, 49, 10, 1],
      w: [8, 10, 4, 1],
    },
  ],
  ["two groups", { operator: conv2D, attributes: WINDOW, x: [1, 5, 5, 8], w: [6, 3, 3, 4] }],
  [
    "int4 weights",
    { operator: conv2D, attributes: WINDOW, x: [1, 6, 5, 8], w: [9, 3, 3, 8], format: int4 },
  ],
  [
    "fully connected",
    { operator: fullyConnected, attributes: { keepDims: false }, x: [18, 37], w: [13, 37] },
  ],
];

describe.each(PROBLEMS)("%s of floats and integer weights", (_name, problem) => {
  it.each([true, false])("equals the reference, scales per channel: %s", async (isPerChannel) => {
    for (const activation of ["none", "relu6"]) {
      const attributes = { ...problem.attributes, activation };
      const graph = graphOf({ ...problem, attributes, isPerChannel });
      for (const rounding of ROUNDINGS) {
        await expectReference(graph, { rounding });
        await expectReference(graph, { rounding, inputs: [awkward(problem.x)] });
      }
      const inputs = [randomData(graph.values[0]!.type, randomSource(2))];
      const kernels = kernelsOf((await runGraph(graph, inputs)).plan);
      expect(kernels[0]).toBe("quantize_parts_f32");
      expect(kernels.at(-1)).toBe("scale_parts_f32");
      expect(kernels).not.toContain("reference");
    }
  });
});

describe("a sum that float32 could not hold exactly", () => {
  const problem = (depth: number): Problem => ({
    operator: fullyConnected,
    attributes: { keepDims: false, activation: "none" },
    x: [2, depth],
    w: [3, depth],
    largest: true,
  });

  it("is the reference's; the longest that it holds is the kernels'", async () => {
    // 255 · 127 · 518 < 2^24 ≤ 255 · 127 · 519
    const inputs = [Float32Array.from({ length: 2 * 518 }, (_, i) => (i < 518 ? 1 : -1))];
    await expectReference(graphOf(problem(518)), { inputs });
    const { plan } = await runGraph(graphOf(problem(518)), inputs);
    expect(kernelsOf(plan)).toHaveLength(3);
    await expectReference(graphOf(problem(519)), { kernels: ["reference"] });
  });
});

describe("parts in tiles", () => {
  it("do not change a bit", async () => {
    const attributes = { ...WINDOW, activation: "none" };
    const w = [16, 1, 1, 32];
    const graph = graphOf({ operator: conv2D, attributes, x: [1, 48, 48, 32], w });
    await expectReference(graph, { threads: true });
  });
});
