/**
 * Add, Sub, Mul, Div, Maximum and Minimum: kernels equal to `reference()` for every pattern of
 * broadcasting, at sizes around the vector of 16 codes or 4 floats, and for all pairs of codes.
 */
import { describe, expect, it } from "vitest";
import { float32, type Format, int8, uint8 } from "../../src/formats/index.ts";
import {
  type Activation,
  add,
  div,
  maximum,
  minimum,
  mul,
  type Operator,
  prelu,
  sub,
} from "../../src/operators/index.ts";
import { perTensor, type Rounding } from "../../src/quantization/index.ts";
import type { Shape, TensorData, TensorType } from "../../src/tensor/index.ts";
import { expectReference } from "./against-reference.ts";
import { nodeGraph } from "./runner.ts";

/** Its attributes are an activation, or nothing. */
type Binary = Operator<never>;

interface Problem {
  readonly operator: Binary;
  readonly format: Format;
  readonly shapes: readonly [Shape, Shape];
  readonly scales?: readonly [a: number, b: number, y: number];
  readonly activation?: Activation;
}

function graphOf({ operator, format, shapes, scales, activation = "none" }: Problem) {
  // Maximum and Minimum compare codes: one scale and zero point for all.
  const isComparison = operator.name === "Maximum" || operator.name === "Minimum";
  const [a, b, y] = isComparison ? [0.05, 0.05, 0.05] : (scales ?? [0.031, 0.047, 0.06]);
  const middle = format === uint8 ? 128 : 0;
  const type = (shape: Shape, scale: number, zeroPoint: number): TensorType =>
    format === float32
      ? { format, shape }
      : {
          format,
          shape,
          quantization: perTensor(scale, middle + (isComparison ? 5 : zeroPoint)),
        };
  return nodeGraph(
    operator as Operator<unknown>,
    { activation },
    [type(shapes[0], a, -3), type(shapes[1], b, 11)],
    [type([], y, -20)],
  );
}

/** Patterns of broadcasting that the grid of rows takes. */
const SHAPES: readonly (readonly [string, Shape, Shape])[] = [
  ["the same shape", [2, 3, 5, 7], [2, 3, 5, 7]],
  ["a scalar second", [2, 3, 5, 7], []],
  ["a scalar first", [1], [2, 3, 5, 7]],
  ["one value per channel second", [2, 3, 5, 17], [17]],
  ["one value per channel first", [1, 1, 1, 17], [2, 3, 5, 17]],
  ["one row of channels per image", [2, 3, 5, 18], [2, 1, 1, 18]],
  ["one value per pixel", [2, 3, 5, 6], [2, 3, 5, 1]],
  ["operands that repeat along different axes", [1, 3, 1, 4], [2, 1, 1, 4]],
  ["a higher rank second", [5, 3], [2, 4, 5, 3]],
  ["one element each", [1, 1], [1]],
];

const FIXED: Rounding = "tflite-reference";
const CODES: readonly (readonly [string, string, Binary, Rounding])[] = [
  ["Add", "add_i8", add, "fp32"],
  ["Sub", "add_i8", sub, "fp32"],
  ["Mul", "mul_i8", mul, "fp32"],
  ["Add", "add_i8_fixed", add, FIXED],
  ["Sub", "add_i8_fixed", sub, FIXED],
  ["Mul", "mul_i8_fixed", mul, FIXED],
  ["Maximum", "maximum_i8", maximum, "fp32"],
  ["Minimum", "minimum_i8", minimum, "fp32"],
];

describe.each(CODES)("%s of codes by %s", (_name, kernel, operator, rounding) => {
  const expectation = { kernels: [kernel], rounding };

  describe.each([int8, uint8])("on $name", (format) => {
    it.each(SHAPES)("equals the reference with %s", (_, a, b) =>
      expectReference(graphOf({ operator, format, shapes: [a, b] }), expectation),
    );

    it.each([1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33])("equals the reference on %i elements", (n) =>
      expectReference(graphOf({ operator, format, shapes: [[n], [n]] }), expectation),
    );

    it("equals the reference for all pairs of codes", () =>
      expectReference(
        graphOf({
          operator,
          format,
          shapes: [
            [256, 256],
            [256, 256],
          ],
        }),
        { ...expectation, inputs: allPairs(format) },
      ));
  });

  it("cuts a long row into tiles without changing a byte", () =>
    expectReference(graphOf({ operator, format: int8, shapes: [[100_003], [100_003]] }), {
      ...expectation,
      threads: true,
    }));

  it("cuts many rows into tiles without changing a byte", () =>
    expectReference(graphOf({ operator, format: int8, shapes: [[1000, 90], [90]] }), {
      ...expectation,
      threads: true,
    }));
});

/** Every code of a against every code of b. */
function allPairs(format: Format): TensorData[] {
  const codes = (code: (i: number) => number): TensorData => {
    const data = format === int8 ? new Int8Array(65_536) : new Uint8Array(65_536);
    return data.map((_, i) => format.decode(code(i)));
  };
  return [codes((i) => i >> 8), codes((i) => i & 255)];
}

describe("the scales", () => {
  const shapes: [Shape, Shape] = [
    [256, 256],
    [256, 256],
  ];

  it.each([
    [1, 1, 1],
    [2, 1, 2],
    [0.5, 0.5, 2 ** -7.9],
    [2 ** -9.9, 2 ** -3, 1],
    [3.9, 0.01, 1],
    [2 ** -10, 2 ** -10, 1],
  ] as const)("%f, %f and %f keep sums exact", async (...scales) => {
    for (const operator of [add, sub]) {
      await expectReference(graphOf({ operator, format: int8, shapes, scales }), {
        kernels: ["add_i8"],
        inputs: allPairs(int8),
      });
    }
  });

  it.each([
    [2 ** -11, 1, 1],
    [256, 1, 1],
    [1, 1000, 1],
  ] as const)("%f, %f and %f leave XNNPACK's range for the fixed form", (...scales) =>
    expectReference(graphOf({ operator: sub, format: uint8, shapes, scales }), {
      kernels: ["add_i8_fixed"],
      inputs: allPairs(uint8),
    }),
  );

  it.each([
    [1, 1, 1, "mul_i8"],
    [0.01, 0.01, 6, "mul_i8"],
    [16, 15.9, 1, "mul_i8"],
    [16, 16, 1, "mul_i8_fixed"],
    [0.001, 0.001, 1, "mul_i8_fixed"],
  ] as const)("%f, %f and %f of a product take %s", (a, b, y, kernel) =>
    expectReference(graphOf({ operator: mul, format: int8, shapes, scales: [a, b, y] }), {
      kernels: [kernel],
      inputs: allPairs(int8),
    }),
  );
});

describe.each(["relu", "relu6", "relu_n1_to_1"] satisfies Activation[])("%s", (activation) => {
  it.each(CODES.filter(([name]) => name !== "Maximum" && name !== "Minimum"))(
    "is applied to %s of codes by %s",
    (_name, kernel, operator, rounding) =>
      expectReference(graphOf({ operator, format: uint8, shapes: [[500], [500]], activation }), {
        kernels: [kernel],
        rounding,
      }),
  );
});

const FLOATS: readonly (readonly [string, Binary, string])[] = [
  ["Add", add, "add_f32"],
  ["Sub", sub, "sub_f32"],
  ["Mul", mul, "mul_f32"],
  ["Div", div, "div_f32"],
  ["Maximum", maximum, "maximum_f32"],
  ["Minimum", minimum, "minimum_f32"],
];

describe.each(FLOATS)("%s of floats", (_name, operator, kernel) => {
  it.each(SHAPES)("equals the reference with %s", (_, a, b) =>
    expectReference(graphOf({ operator, format: float32, shapes: [a, b] }), { kernels: [kernel] }),
  );

  it.each([1, 3, 4, 5, 7, 8, 9])("equals the reference on %i elements", (n) =>
    expectReference(graphOf({ operator, format: float32, shapes: [[n], [n]] }), {
      kernels: [kernel],
    }),
  );

  it("equals the reference on zeros of both signs, infinities and the ends of the range", () => {
    const values = [0, -0, 1, -1, Infinity, -Infinity, 3.4e38, -3.4e38, 1e-45];
    const pairs = values.flatMap((a) => values.map((b) => [a, b] as const)).filter(isNumber);
    const shape = [pairs.length];
    return expectReference(graphOf({ operator, format: float32, shapes: [shape, shape] }), {
      kernels: [kernel],
      inputs: [Float32Array.from(pairs, ([a]) => a), Float32Array.from(pairs, ([, b]) => b)],
    });
  });

  it("is cut into tiles without changing a bit", () =>
    expectReference(graphOf({ operator, format: float32, shapes: [[70_001], [70_001]] }), {
      kernels: [kernel],
      threads: true,
    }));
});

describe("PRelu of floats", () => {
  const graphOfPrelu = (x: Shape, alpha: Shape) =>
    nodeGraph(
      prelu,
      {},
      [
        { format: float32, shape: x },
        { format: float32, shape: alpha },
      ],
      [{ format: float32, shape: [] }],
    );

  it.each([
    ["a slope per channel", [2, 5, 7, 9], [9]],
    ["a slope per row and channel", [1, 5, 7, 9], [5, 1, 9]],
    ["one slope", [2, 5, 7, 9], []],
    ["a slope per element", [2, 5, 7, 9], [2, 5, 7, 9]],
  ])("equals the reference with %s", (_name, x, alpha) =>
    expectReference(graphOfPrelu(x, alpha), { kernels: ["prelu_f32"] }),
  );

  it("equals the reference on zeros of both signs, infinities and what is no number", () => {
    const values = [0, -0, 1, -1, Infinity, -Infinity, NaN, 3.4e38, -3.4e38, 1e-45];
    const pairs = values.flatMap((a) => values.map((b) => [a, b] as const));
    return expectReference(graphOfPrelu([pairs.length], [pairs.length]), {
      kernels: ["prelu_f32"],
      inputs: [Float32Array.from(pairs, ([a]) => a), Float32Array.from(pairs, ([, b]) => b)],
    });
  });

  it("is cut into tiles without changing a bit", () =>
    expectReference(graphOfPrelu([70, 1001], [1001]), { kernels: ["prelu_f32"], threads: true }));
});

/** No operation makes a NaN of them: its bits are not part of the contract. */
function isNumber([a, b]: readonly [number, number]): boolean {
  return [a + b, a - b, a * b, a / b].every((value) => !Number.isNaN(value));
}

describe("the activation of floats", () => {
  it.each(["relu", "relu6", "relu_n1_to_1"] satisfies Activation[])("%s clamps", (activation) =>
    expectReference(graphOf({ operator: add, format: float32, shapes: [[9], [9]], activation }), {
      kernels: ["add_f32"],
      inputs: [
        Float32Array.of(-3, -1, -0.5, -0, 0, 0.5, 1, 6, 9),
        Float32Array.of(0, 0, 0, -0, 0, 0, 0, 0, 0),
      ],
    }),
  );
});

describe("other operands", () => {
  it("that repeat along four axes in turn run the reference", async () => {
    const shapes: [Shape, Shape] = [
      [2, 1, 5, 1],
      [1, 3, 1, 4],
    ];
    const graph = graphOf({ operator: add, format: int8, shapes });
    await expectReference(graph, { kernels: ["reference"] });
    expect(graph.values.at(-1)!.type.shape).toEqual([2, 3, 5, 4]);
  });
});
