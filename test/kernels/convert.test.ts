/** Functions of one element, conversions and softmax: kernels equal to `reference()`. */
import { describe, it } from "vitest";
import { float32, type Format, int8, uint8 } from "../../src/formats/index.ts";
import {
  dequantize,
  elu,
  gelu,
  hardSwish,
  leakyRelu,
  logistic,
  type Operator,
  quantize,
  relu,
  relu6,
  reluN1To1,
  softmax,
  sqrt,
  tanh,
} from "../../src/operators/index.ts";
import { perTensor, type Rounding } from "../../src/quantization/index.ts";
import type { Shape, TensorType } from "../../src/tensor/index.ts";
import { expectReference } from "./against-reference.ts";
import { nodeGraph } from "./runner.ts";

const ROUNDINGS: readonly Rounding[] = ["fp32", "tflite-reference"];

const LOOK_UPS = ["lookup_8", "lookup_8_lines", "lookup_8_lines_relaxed"];

function typed(format: Format, shape: Shape, scale: number, zeroPoint: number): TensorType {
  if (format === float32) return { format, shape };
  const middle = format === uint8 ? 128 : 0;
  return { format, shape, quantization: perTensor(scale, middle + zeroPoint) };
}

/** Name, operator, attributes, and the scale and zero point that the operator asks of its output. */
const TABLES: readonly (readonly [string, Operator<never>, unknown, number, number])[] = [
  ["Logistic", logistic, {}, 1 / 256, -128],
  ["Tanh", tanh, {}, 1 / 128, 0],
  ["HardSwish", hardSwish, {}, 0.04, -100],
  ["Relu", relu, {}, 0.04, -100],
  ["Relu6", relu6, {}, 0.03, -128],
  ["ReluN1To1", reluN1To1, {}, 0.01, 3],
  ["LeakyRelu", leakyRelu, { alpha: 0.2 }, 0.04, -10],
  ["Elu", elu, {}, 0.04, -40],
  ["Gelu", gelu, { approximate: false }, 0.04, -40],
  ["Gelu by tanh", gelu, { approximate: true }, 0.04, -40],
  ["Sqrt", sqrt, {}, 0.02, -128],
  ["Quantize", quantize, {}, 0.033, 7],
];

describe.each(TABLES)("%s of codes", (_name, operator, attributes, scale, zeroPoint) => {
  it.each([int8, uint8])("is a look-up of $name codes in both rules", async (format) => {
    const graph = nodeGraph(
      operator as Operator<unknown>,
      attributes,
      [typed(format, [256], 0.05, 3)],
      [typed(format, [], scale, zeroPoint)],
    );
    const inputs = [every(format)];
    for (const rounding of ROUNDINGS) {
      for (const forced of LOOK_UPS) {
        await expectReference(graph, { forced, rounding, inputs });
      }
      const byMemory = { kernels: ["lookup_8"], forced: "lookup_8", rounding, inputs };
      await expectReference(graph, byMemory);
    }
  });
});

function every(format: Format): Int8Array | Uint8Array {
  const data = format === int8 ? new Int8Array(256) : new Uint8Array(256);
  return data.map((_, i) => format.decode(i));
}

describe.each(LOOK_UPS)("look-ups by %s", (forced) => {
  const graphOf = (size: number, from: Format = int8, to: Format = int8) =>
    nodeGraph(quantize, {}, [typed(from, [size], 0.05, 3)], [typed(to, [], 0.06, 5)]);
  const expectation = { kernels: [forced], forced };

  it.each([1, 7, 8, 9, 15, 16, 17, 63, 64, 65])("equal the reference on %i codes", (size) =>
    expectReference(graphOf(size), expectation),
  );

  it("change signedness", async () => {
    for (const rounding of ROUNDINGS) {
      await expectReference(graphOf(1000, int8, uint8), { ...expectation, rounding });
      await expectReference(graphOf(1000, uint8, int8), { ...expectation, rounding });
    }
  });

  it("are cut into tiles without changing a byte", () =>
    expectReference(graphOf(100_001), { ...expectation, threads: true }));
});

/** Values at and around ties of the scale, both zeros, infinities, NaN. */
function awkward(scale: number): Float32Array {
  const ties = Array.from({ length: 601 }, (_, i) => (i - 300.5) * scale);
  const near = ties.flatMap((value) => [value, value * (1 + 2 ** -23), value * (1 - 2 ** -24)]);
  return Float32Array.from([
    ...near,
    ...[0, -0, NaN, Infinity, -Infinity, 1e30, -1e30, 0.49999997 * scale, -0.49999997 * scale],
  ]);
}

describe.each([
  ["fp32", "quantize_f32_i8"],
  ["tflite-reference", "quantize_f32_i8_fixed"],
] satisfies [Rounding, string][])("quantizing floats in rule %s", (rounding, kernel) => {
  describe.each([int8, uint8])("to $name", (format) => {
    const graphOf = (size: number, scale: number, zeroPoint = -13) =>
      nodeGraph(
        quantize,
        {},
        [typed(float32, [size], 1, 0)],
        [typed(format, [], scale, zeroPoint)],
      );
    const expectation = { kernels: [kernel], rounding };

    it.each([1, 3, 4, 5, 8, 12, 13, 15, 16, 17, 33])("equals the reference on %i floats", (size) =>
      expectReference(graphOf(size, 0.008), expectation),
    );

    it.each([1, 0.5, 0.1, 0.0392, 3])("rounds ties of scale %f as the rule says", async (scale) => {
      const data = awkward(scale);
      for (const zeroPoint of [-128, -1, 0, 127]) {
        await expectReference(graphOf(data.length, scale, zeroPoint), {
          ...expectation,
          inputs: [data],
        });
      }
    });

    it("is cut into tiles without changing a byte", () =>
      expectReference(graphOf(70_003, 0.008), { ...expectation, threads: true }));
  });
});

describe.each([int8, uint8])("dequantizing $name", (format) => {
  const graphOf = (size: number) =>
    nodeGraph(dequantize, {}, [typed(format, [size], 0.0371, -13)], [typed(float32, [], 1, 0)]);

  it.each([1, 3, 4, 5, 7, 8, 9, 15, 17])("equals the reference on %i codes", (size) =>
    expectReference(graphOf(size), { kernels: ["dequantize_i8_f32"] }),
  );

  it("equals the reference for every code", () =>
    expectReference(graphOf(256), { kernels: ["dequantize_i8_f32"], inputs: [every(format)] }));

  it("is cut into tiles without changing a bit", () =>
    expectReference(graphOf(70_003), { kernels: ["dequantize_i8_f32"], threads: true }));
});

describe.each([
  ["Relu", relu],
  ["Relu6", relu6],
  ["ReluN1To1", reluN1To1],
] satisfies [string, Operator<never>][])("%s of floats", (_name, operator) => {
  it("is a clamp that leaves −0 and NaN as they are", () => {
    const data = Float32Array.of(-7, -1, -0.5, -0, 0, 0.5, 1, 5, 6, 7, Infinity, -Infinity, NaN);
    return expectReference(
      nodeGraph(operator, {} as never, [typed(float32, [13], 1, 0)], [typed(float32, [], 1, 0)]),
      { kernels: ["clamp_f32"], inputs: [data] },
    );
  });
});

describe.each([
  ["LeakyRelu", leakyRelu, { alpha: 0.1 }, "leaky_relu_f32"],
  ["LeakyRelu of a negative slope", leakyRelu, { alpha: -1.7 }, "leaky_relu_f32"],
  ["HardSwish", hardSwish, {}, "hard_swish_f32"],
  ["Sqrt", sqrt, {}, "sqrt_f32"],
] satisfies [string, Operator<never>, object, string][])(
  "%s of floats",
  (_name, operator, attributes, kernel) => {
    const graphOf = (size: number) =>
      nodeGraph(
        operator as Operator<object>,
        attributes,
        [typed(float32, [size], 1, 0)],
        [typed(float32, [], 1, 0)],
      );

    it.each([1, 3, 4, 5, 7, 8, 9])("equals the reference on %i elements", (size) =>
      expectReference(graphOf(size), { kernels: [kernel] }),
    );

    it("equals the reference on zeros of both signs, the ends of the range, what is no number", () => {
      const data = Float32Array.from([...awkward(1), 3.4e38, -3.4e38, 1e-45, -1e-45, 3, -3, 6, -6]);
      return expectReference(graphOf(data.length), { kernels: [kernel], inputs: [data] });
    });

    it("is cut into tiles without changing a bit", () =>
      expectReference(graphOf(70_003), { kernels: [kernel], threads: true }));
  },
);

describe.each([int8, uint8])("softmax of $name", (format) => {
  const graphOf = (shape: Shape, scale: number, beta = 1) =>
    nodeGraph(
      softmax,
      { beta },
      [typed(format, shape, scale, 9)],
      [typed(format, [], 1 / 256, -128)],
    );

  it.each([1, 2, 10, 1001])("equals the reference with %i classes", (classes) =>
    expectReference(graphOf([3, classes], 0.11), { kernels: ["softmax_i8"] }),
  );

  it.each([0.0001, 0.01, 1, 20])("equals the reference with a scale of %f", (scale) =>
    expectReference(graphOf([7, 12], scale, 0.7), { kernels: ["softmax_i8"] }),
  );

  it("saturates a share of one", () =>
    expectReference(graphOf([1, 2], 10), {
      kernels: ["softmax_i8"],
      inputs: [format === int8 ? Int8Array.of(127, -128) : Uint8Array.of(255, 0)],
    }));

  it("is cut into tiles of rows without changing a byte", () =>
    expectReference(graphOf([4000, 5], 0.1), { kernels: ["softmax_i8"], threads: true }));

  it("runs the reference in the fixed-point rule", () =>
    expectReference(graphOf([2, 10], 0.1), {
      kernels: ["reference"],
      rounding: "tflite-reference",
    }));
});
