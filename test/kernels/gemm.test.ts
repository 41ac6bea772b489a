/**
 * Matrix products: every kernel of the `gemm` operation equal to `reference()`. Extents lie at the
 * boundaries of the tile of 4 rows, 8 columns and 4 values of depth, and of the packing's 8 values.
 */
import { describe, expect, it } from "vitest";
import { formats, int32, int8 } from "../../src/formats/index.ts";
import { selectFloatForm } from "../../src/kernels/index.ts";
import {
  type Activation,
  conv2D,
  type Conv2DAttributes,
  fullyConnected,
  type FullyConnectedAttributes,
} from "../../src/operators/index.ts";
import { perChannel, perTensor } from "../../src/quantization/index.ts";
import { allocateTensor } from "../../src/tensor/index.ts";
import { expectEqual } from "./expect-equal.ts";
import {
  operandCode,
  type OperandForm,
  operandForms,
  randomProblem,
  roundings,
} from "./gemm-problem.ts";
import { nodeGraph, randomData, randomSource, referenceOutputs, runGraph } from "./runner.ts";

const attributes: FullyConnectedAttributes = { activation: "none", keepDims: false };
const convAttributes: Conv2DAttributes = {
  strides: [1, 1],
  dilations: [1, 1],
  padding: "valid",
  activation: "none",
};

type Extents = readonly [rows: number, columns: number, depth: number];

/** One extent at a time at its boundaries; the others odd, so that no tile is full by luck. */
const extents: readonly Extents[] = [
  ...[1, 2, 3, 4, 5, 7, 8, 9].map((rows): Extents => [rows, 11, 13]),
  ...[1, 2, 4, 7, 8, 9, 15, 16, 17].map((columns): Extents => [6, columns, 13]),
  ...[1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33].map((depth): Extents => [6, 11, depth]),
];

function problem(
  form: OperandForm,
  [rows, columns, depth]: Extents,
  changed: Partial<FullyConnectedAttributes> = {},
  hasBias = true,
) {
  return randomProblem(
    fullyConnected,
    { ...attributes, ...changed },
    { form, x: [rows, depth], w: [columns, depth], channels: columns, depth, hasBias },
  );
}

describe.each(operandForms)("a matrix product of %s", (form) => {
  const kernel = `gemm_${operandCode(form)}`;

  it.each(roundings)("is equal at every boundary of the tile (%s)", async (rounding) => {
    for (const extent of extents) await expectEqual(problem(form, extent), kernel, { rounding });
  });

  it("is equal in the debug build", async () => {
    await expectEqual(problem(form, [9, 17, 21]), kernel, { build: "debug-plain" });
  });

  it("is equal over many tiles and strips, on one thread and on two", async () => {
    for (const extent of [
      [150, 70, 300],
      [7, 600, 500],
      [1, 900, 700],
    ] as const) {
      await expectEqual(problem(form, extent), kernel);
      await expectEqual(problem(form, extent), kernel, { workers: 1 });
    }
  });

  it.each(["relu", "relu6", "relu_n1_to_1"] satisfies Activation[])(
    "is equal with %s, without bias",
    async (activation) => {
      for (const rounding of roundings) {
        await expectEqual(problem(form, [6, 11, 13], { activation }, false), kernel, { rounding });
      }
    },
  );
});

describe("multipliers of every exponent", () => {
  /** 0.7 · 2^e and 2^e: shifts to the right by 0 to 31 and beyond, and to the left. */
  const multipliers = Array.from({ length: 46 }, (_, i) => i - 38).flatMap((exponent) => [
    0.7 * 2 ** exponent,
    2 ** exponent,
  ]);
  const columns = multipliers.length;
  const quantization = perChannel(multipliers, new Int32Array(columns), 0);

  it.each([
    ["int8", "Conv2D"],
    ["int4", "Conv2D"],
    ["int8", "FullyConnected"],
    ["int4", "FullyConnected"],
  ])("requantise sums of any size beside %s weights (%s)", async (name, operator) => {
    const random = randomSource(3);
    const isConv = operator === "Conv2D";
    const shape = isConv ? [columns, 1, 1, 2] : [columns, 2];
    const w = allocateTensor({ format: formats.get(name)!, shape, quantization });
    new Uint8Array(w.data.buffer).forEach((_, i) => (w.data[i] = Math.floor(random() * 256)));
    const x = {
      format: int8,
      shape: isConv ? [1, 1, 40, 2] : [40, 2],
      quantization: perTensor(1, 3),
    };
    const y = { format: int8, shape: [], quantization: perTensor(1, -5) };
    for (const magnitude of [0, 2 ** 8, 2 ** 16, 2 ** 30.9]) {
      const bias = allocateTensor({ format: int32, shape: [columns] });
      bias.data.forEach((_, i) => (bias.data[i] = Math.trunc((random() * 2 - 1) * magnitude)));
      const graph = isConv
        ? nodeGraph(conv2D, convAttributes, [x, w, bias], [y])
        : nodeGraph(fullyConnected, attributes, [x, w, bias], [y]);
      const input = randomData(x, random);
      for (const rounding of roundings) {
        const { outputs } = await runGraph(graph, [input], { rounding });
        expect(outputs).toEqual(referenceOutputs(graph, [input], rounding));
      }
    }
  });
});

describe("accumulators at the ends of int32", () => {
  /** 255 · 128 · 65,793 = 2^31 − 128: the longest reduction that no operands can overflow. */
  const DEPTH = 65_793;

  it.each([
    [-128, 127, -128],
    [127, -128, -128],
    [127, -128, 127],
  ])("are exact for x = %i, zero point %i, w = %i", async (code, zeroPoint, weight) => {
    const w = allocateTensor({
      format: int8,
      shape: [1, DEPTH],
      quantization: perTensor(1, 0),
    });
    w.data.fill(weight as never);
    const x = { format: int8, shape: [5, DEPTH], quantization: perTensor(1, zeroPoint) };
    const input = allocateTensor(x).data;
    input.fill(code as never);
    const y = { format: int8, shape: [], quantization: perTensor(2 ** 31 / 100, 0) };
    const graph = nodeGraph(fullyConnected, attributes, [x, w], [y]);
    for (const rounding of roundings) {
      const { outputs } = await runGraph(graph, [input], { rounding });
      expect(outputs).toEqual(referenceOutputs(graph, [input], rounding));
      expect(Math.abs(Number(outputs[0]![0]))).toBeGreaterThan(98);
    }
  });
});

it("reads shallow rows of float32 where they lie, and packs deep ones", () => {
  expect(selectFloatForm(1536).name).toBe("f32_f32_5x8c1");
  expect(selectFloatForm(1537).name).toBe("f32_f32_4x8c1");
  expect(selectFloatForm(1537, "gemm_f32_f32_5x8c1").name).toBe("f32_f32_5x8c1");
  expect(selectFloatForm(1536, undefined, true).name).toBe("f32_f32_6x8c1_relaxed");
  expect(selectFloatForm(1537, undefined, true).name).toBe("f32_f32_4x8c1");
  expect(selectFloatForm(9, "gemm_f32_f32_6x8c1_relaxed").name).toBe("f32_f32_5x8c1");
});
