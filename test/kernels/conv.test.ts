/**
 * Convolutions: the kernels `gemm`, `conv` and `igemm` of every operand form equal to `reference()`,
 * each forced on every shape that it can take.
 */
import { describe, expect, it } from "vitest";
import { convOperations, gemmKernelName, selectConvKernel } from "../../src/kernels/index.ts";
import {
  conv2D,
  type Conv2DAttributes,
  type Extent2D,
  transposeConv,
  type TransposeConvAttributes,
} from "../../src/operators/index.ts";
import { expectEqual } from "./expect-equal.ts";
import {
  operandCode,
  type OperandForm,
  operandForms,
  type ProblemShape,
  randomProblem,
  roundings,
} from "./gemm-problem.ts";

interface Shape {
  readonly name: string;
  /** [batch, height, width, channels] and [channels, height, width, channels of a group]. */
  readonly x: readonly [number, number, number, number];
  readonly w: readonly [number, number, number, number];
  readonly attributes?: Partial<Conv2DAttributes>;
  /** Operations that take it besides `conv`, which takes all. */
  readonly also?: readonly ("gemm" | "igemm")[];
}

const shapes: readonly Shape[] = [
  { name: "3x3 over 3 channels", x: [1, 9, 7, 3], w: [9, 3, 3, 3] },
  {
    name: "3x3 stride 2 over 1 channel",
    x: [1, 8, 9, 1],
    w: [4, 3, 3, 1],
    attributes: { strides: [2, 2] },
  },
  { name: "1x1", x: [2, 3, 5, 6], w: [7, 1, 1, 6], also: ["gemm", "igemm"] },
  {
    name: "1x1 stride 2",
    x: [2, 5, 4, 16],
    w: [9, 1, 1, 16],
    attributes: { strides: [2, 2] },
    also: ["igemm"],
  },
  {
    name: "1x1 with a border",
    x: [1, 3, 3, 4],
    w: [3, 1, 1, 4],
    attributes: { padding: { top: 1, bottom: 0, left: 2, right: 1 } },
    also: ["igemm"],
  },
  {
    name: "the whole image",
    x: [3, 4, 3, 5],
    w: [10, 4, 3, 5],
    attributes: { padding: "valid" },
    also: ["gemm"],
  },
  {
    name: "5x3 stride 1x2 dilation 2x1",
    x: [1, 11, 9, 8],
    w: [5, 5, 3, 8],
    attributes: { strides: [1, 2], dilations: [2, 1] },
    also: ["igemm"],
  },
  {
    name: "3x3 dilation 3 wider than the image",
    x: [1, 4, 4, 2],
    w: [3, 3, 3, 2],
    attributes: { dilations: [3, 3] },
    also: ["igemm"],
  },
  { name: "7x7 valid", x: [1, 9, 8, 17], w: [8, 7, 7, 17], attributes: { padding: "valid" } },
  { name: "3 groups", x: [1, 5, 4, 12], w: [9, 3, 3, 4], also: ["igemm"] },
  { name: "2 groups of 1x1", x: [1, 4, 4, 10], w: [6, 1, 1, 5], also: ["gemm"] },
  {
    name: "explicit borders larger than the filter",
    x: [2, 3, 2, 4],
    w: [5, 2, 2, 4],
    attributes: { padding: { top: 3, bottom: 2, left: 4, right: 3 } },
    also: ["igemm"],
  },
  ...[6, 10, 14, 18].map((channels): Shape => ({
    name: `3x3 over ${channels} channels`,
    x: [2, 4, 3, channels],
    w: [8, 3, 3, channels],
    also: ["igemm"],
  })),
];

function problem(form: OperandForm, { x, w, attributes }: Shape) {
  const all: Conv2DAttributes = {
    strides: [1, 1],
    dilations: [1, 1],
    padding: "same",
    activation: "none",
    ...attributes,
  };
  const depth = w[1] * w[2] * w[3];
  return randomProblem(conv2D, all, { form, x, w, channels: w[0], depth });
}

const isFloat = (form: OperandForm) => form.startsWith("float32");
/** Rows that are copied, not interleaved, have no table. */
function windowOperations(form: OperandForm): string[] {
  if (form === "float32") return ["conv"];
  return form === "float32 interleaved" ? ["igemm"] : ["conv", "igemm"];
}

describe.each(operandForms)("a convolution of %s", (form) => {
  it.each(shapes)("is equal on $name, by every operation that fits", async (shape) => {
    const odd = shape.w[3] % 2 === 1;
    for (const operation of ["conv", ...(shape.also ?? [])]) {
      if (operation !== "gemm" && !windowOperations(form).includes(operation)) continue;
      if (operation === "igemm" && odd && !isFloat(form)) continue;
      for (const rounding of roundings) {
        await expectEqual(problem(form, shape), `${operation}_${operandCode(form)}`, { rounding });
      }
    }
  });

  it("is equal in the debug build", async () => {
    for (const operation of windowOperations(form)) {
      const kernel = `${operation}_${operandCode(form)}`;
      await expectEqual(problem(form, shapes[6]!), kernel, { build: "debug-plain" });
    }
  });

  it("is equal over many tiles and strips, on one thread and on two", async () => {
    const large: Shape = { name: "", x: [2, 17, 15, 32], w: [40, 3, 3, 32] };
    for (const operation of windowOperations(form)) {
      for (const workers of [0, 1]) {
        await expectEqual(problem(form, large), `${operation}_${operandCode(form)}`, { workers });
      }
    }
  });
});

const transposable = operandForms.filter((form) => windowOperations(form).includes("conv"));

describe.each(transposable)("a transposed convolution of %s", (form) => {
  const kernel = `conv_${operandCode(form)}`;

  it.each<[string, TransposeConvAttributes, ProblemShape["x"], ProblemShape["w"]]>([
    ["2x2 stride 2", transposed([2, 2], "valid", [2, 10, 6, 9]), [2, 5, 3, 6], [9, 2, 2, 6]],
    ["3x3 stride 2, same", transposed([2, 2], "same", [1, 9, 8, 5]), [1, 5, 4, 8], [5, 3, 3, 8]],
    ["4x5 stride 1x3", transposed([1, 3], "same", [1, 4, 7, 8]), [1, 4, 3, 3], [8, 4, 5, 3]],
    ["4x4 stride 2, valid", transposed([2, 2], "valid", [1, 8, 9, 3]), [1, 3, 3, 4], [3, 4, 4, 4]],
  ])("is equal with %s", async (_, attributes, x, w) => {
    const depth = (w[1]! * w[2]! * w[3]!) / 4;
    for (const rounding of roundings) {
      const shape = { form, x, w, channels: w[0]!, depth };
      await expectEqual(randomProblem(transposeConv, attributes, shape), kernel, { rounding });
    }
  });
});

describe("a transposed convolution with phases that no tap reaches", () => {
  const attributes = transposed([3, 3], "valid", [1, 5, 8, 4]);
  const shape = { x: [1, 2, 3, 4], w: [4, 2, 1, 4], channels: 4, depth: 8 } as const;

  it.each(["int8", "float32"] as const)("is the bias there (%s)", async (form) => {
    const kernel = `conv_${operandCode(form)}`;
    await expectEqual(randomProblem(transposeConv, attributes, { form, ...shape }), kernel);
  });
});

describe("a transposed convolution of floats with an infinite weight", () => {
  it("stays on the reference, which skips taps outside the image", async () => {
    const attributes = transposed([2, 2], "same", [1, 4, 4, 1]);
    const shape = { x: [1, 2, 2, 1], w: [1, 3, 3, 1], channels: 1, depth: 9 } as const;
    const problem = randomProblem(transposeConv, attributes, { form: "float32", ...shape });
    problem.graph.values.find(({ type }) => type.shape[1] === 3)!.constant!.data[4] = Infinity;
    await expectEqual(problem, "reference");
  });
});

function transposed(
  strides: Extent2D,
  padding: "same" | "valid",
  outputShape: readonly number[],
): TransposeConvAttributes {
  return { strides, padding, outputShape, activation: "none" };
}

describe("the choice of a convolution kernel", () => {
  const facts = {
    form: "i8_i8_4x8c2",
    hasContiguousRows: false,
    hasWholeUnits: true,
    entries: 9 * 14 * 14,
  } as const;

  it("takes rows as they lie wherever windows are contiguous", () => {
    expect(convOperations({ ...facts, hasContiguousRows: true })[0]).toBe("gemm");
  });

  it("follows a table that is small, for taps of whole units", () => {
    expect(convOperations(facts)).toEqual(["igemm", "conv"]);
    expect(convOperations({ ...facts, hasWholeUnits: false })).toEqual(["conv"]);
    expect(convOperations({ ...facts, entries: 2 ** 17 })[0]).toBe("conv");
  });

  it("takes a forced kernel only where it fits", () => {
    const conv = gemmKernelName("conv", "i8_i8_4x8c2");
    expect(selectConvKernel(facts, conv).kernel).toBe(conv);
    expect(selectConvKernel(facts, gemmKernelName("gemm", "i8_i8_4x8c2")).operation).toBe("igemm");
    expect(selectConvKernel(facts, "copy_bytes").operation).toBe("igemm");
  });
});
