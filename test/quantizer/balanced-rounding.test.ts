/** Rounding of the weights of a channel together, and what it leaves to the bias. */
import { describe, expect, it } from "vitest";
import { binary, float32, float8_e4m3fn, int2, int4, ternary } from "../../src/formats/index.ts";
import { createNode, type Graph, type Node } from "../../src/graph/index.ts";
import {
  conv2D,
  depthwiseConv2D,
  fullyConnected,
  type Operator,
} from "../../src/operators/index.ts";
import { balanceCodes } from "../../src/quantizer/balanced-grid.ts";
import {
  balanceErrors,
  type InputCorrelation,
  POSITIVE_INPUTS,
  SIGNED_INPUTS,
} from "../../src/quantizer/balanced-rounding.ts";
import { correctedBias } from "../../src/quantizer/bias-correction.ts";
import { nearestCodes, rounderOf } from "../../src/quantizer/index.ts";
import { encodeWeights } from "../../src/quantizer/minifloat-weights.ts";
import { nonNegativeValues } from "../../src/quantizer/signs.ts";
import { weightLayout } from "../../src/quantizer/weight-layout.ts";
import { elementCount, type Shape, type Tensor } from "../../src/tensor/index.ts";
import { randomSource } from "../kernels/runner.ts";
import { nodeOf, smallNetwork } from "./network.ts";

/** The error that is to be least, by its definition: Σ e[k] · e[l] · <x[k] · x[l]>. */
function expectedError(
  errors: Float64Array,
  channels: number,
  { within, across }: InputCorrelation,
): number {
  let sum = 0;
  errors.forEach((e, k) =>
    errors.forEach((f, l) => {
      sum += e * f * (k === l ? 1 : k % channels === l % channels ? within : across);
    }),
  );
  return sum;
}

function roundings(count: number, seed: number): { errors: Float64Array; moves: Float64Array } {
  const random = randomSource(seed);
  const errors = Float64Array.from({ length: count }, () => random() - 0.5);
  return { errors, moves: errors.map((error) => -Math.sign(error)) };
}

describe("balanced rounding", () => {
  it.each([
    [27, 3, POSITIVE_INPUTS],
    [9, 1, SIGNED_INPUTS],
    [64, 64, POSITIVE_INPUTS],
    [144, 16, SIGNED_INPUTS],
  ])(
    "of %i weights on %i channels leaves no move that helps: %o",
    (count, channels, correlation) => {
      for (let seed = 1; seed <= 20; seed++) {
        const { errors, moves } = roundings(count, seed);
        const nearest = errors.slice();
        balanceErrors(errors, moves, channels, correlation);
        const least = expectedError(errors, channels, correlation);
        expect(least).toBeLessThanOrEqual(expectedError(nearest, channels, correlation));
        for (let k = 0; k < count; k++) {
          expect(Math.abs(errors[k]!)).toBeLessThan(1);
          expect(errors[k]! - nearest[k]!).toBeOneOf([0, -Math.sign(nearest[k]!)]);
          const moved = errors.with(k, errors[k]! + moves[k]!);
          expect(expectedError(moved, channels, correlation)).toBeGreaterThan(least - 1e-9);
        }
      }
    },
  );

  it("is rounding to nearest where inputs are independent", () => {
    const { errors, moves } = roundings(100, 1);
    const nearest = errors.slice();
    balanceErrors(errors, moves, 10, { within: 0, across: 0 });
    expect(errors).toEqual(nearest);
  });

  it("does not move a weight that has no neighbour", () => {
    const errors = Float64Array.of(0.5, 0.4);
    balanceErrors(errors, new Float64Array(2), 1, POSITIVE_INPUTS);
    expect(errors).toEqual(Float64Array.of(0.5, 0.4));
  });
});

describe("balanced codes of integers", () => {
  it.each([int4, int2, ternary, binary])("are those beside the weights: $name", (format) => {
    const random = randomSource(9);
    const scales = [0.3, 0.5];
    const scaleOf = (k: number): number => scales[k % 2]!;
    const values = Float32Array.from({ length: 36 }, () => (random() - 0.45) * 3 * format.max);
    const nearest = new Int8Array(36);
    for (let k = 0; k < 36; k++) {
      nearestCodes(values.subarray(k, k + 1), scaleOf(k), format, nearest.subarray(k, k + 1));
    }
    const codes = nearest.slice();
    const scale = Float64Array.from(codes, (_, k) => scaleOf(k));
    balanceCodes({ values, codes, scale, inputs: 4 }, format, POSITIVE_INPUTS);
    const [before, after] = [nearest, codes].map((own) =>
      Float64Array.from(own, (code, k) => code * scaleOf(k) - values[k]!),
    ) as [Float64Array, Float64Array];
    expect(codes).not.toEqual(nearest);
    expect(expectedError(after, 4, POSITIVE_INPUTS)).toBeLessThan(
      expectedError(before, 4, POSITIVE_INPUTS),
    );
    const step = format === binary ? 2 : 1;
    codes.forEach((code, k) => {
      expect(code - nearest[k]!).toBeOneOf([0, -step * Math.sign(before[k]!)]);
      expect(Math.abs(code)).toBeLessThanOrEqual(Math.max(-format.min, format.max));
    });
  });
});

const window = { strides: [2, 1], dilations: [1, 2], padding: "same", activation: "none" } as const;

const LAYERS: readonly [string, Operator<never>, object, Shape, Shape][] = [
  ["a convolution", conv2D as Operator<never>, window, [2, 7, 6, 5], [4, 3, 3, 5]],
  ["groups", conv2D as Operator<never>, window, [1, 5, 5, 6], [4, 3, 2, 3]],
  [
    "explicit padding",
    conv2D as Operator<never>,
    { ...window, padding: { top: 2, bottom: 0, left: 1, right: 3 } },
    [1, 6, 6, 3],
    [2, 3, 3, 3],
  ],
  ["a multiplier", depthwiseConv2D as Operator<never>, window, [1, 6, 6, 3], [1, 3, 3, 6]],
  [
    "a matrix",
    fullyConnected as Operator<never>,
    { activation: "none", keepDims: false },
    [3, 8],
    [5, 8],
  ],
];

describe("the weights of a layer in float8_e4m3fn", () => {
  it.each(LAYERS)(
    "keep the mean of every output channel: %s",
    (_, operator, attributes, xs, ws) => {
      const random = randomSource(5);
      const real = (shape: Shape, low: number): Tensor => ({
        type: { format: float32, shape },
        data: Float32Array.from({ length: elementCount(shape) }, () => low + random()),
      });
      const x = real(xs, 0);
      const w = real(ws, -0.6);
      const node: Node = createNode("layer", operator as Operator, attributes, [0, 1, 2], [3]);
      const layout = weightLayout(node, ws, operator.name === "FullyConnected" ? ws[1]! : xs[3]!);
      const search = { format: float8_e4m3fn, round: rounderOf(float8_e4m3fn), powerOfTwo: false };
      const { values } = encodeWeights(w, layout, search, POSITIVE_INPUTS);
      const rounded: Tensor = { type: w.type, data: values };
      const bias = real([layout.channels], 0);
      const data = correctedBias(
        {
          ...{ node, layout, x: x.type, w: w.type, weights: w.data as Float32Array },
          ...{ rounded: values, bias: bias.data as Float32Array },
        },
        Float64Array.from(x.data as Float32Array),
      );
      const means = (weights: Tensor, own: Tensor): number[] => {
        const types = [x.type, weights.type, own.type];
        const layer = operator as Operator<unknown>;
        const outputs = layer.infer(types, attributes, [{ format: float32, shape: [] }], []);
        const [y] = layer.reference([x, weights, own], attributes, { rounding: "fp32", outputs });
        const sums = new Array<number>(layout.channels).fill(0);
        (y!.data as Float32Array).forEach((value, i) => {
          sums[i % layout.channels]! += (value * layout.channels) / y!.data.length;
        });
        return sums;
      };
      const expected = means(w, bias);
      means(rounded, { type: bias.type, data }).forEach((mean, c) => {
        expect(mean).toBeCloseTo(expected[c]!, 5);
      });
      const uncorrected = means(rounded, bias);
      expect(uncorrected.some((mean, c) => Math.abs(mean - expected[c]!) > 1e-4)).toBe(true);
    },
  );
});

describe("values that are never negative", () => {
  it("are those behind a ReLU, and integers from their zero point on", () => {
    const graph: Graph = smallNetwork({ zeroPoint: 3 });
    const found = nonNegativeValues(graph);
    const outputs = ["first", "branch3", "add", "depthwise", "behind", "last"];
    expect(outputs.filter((name) => found.has(nodeOf(graph, name).outputs[0]!))).toEqual([
      "first",
      "depthwise",
      "behind",
    ]);
    expect(found.has(graph.inputs[0]!)).toBe(false);
    const unsigned = smallNetwork();
    expect(nonNegativeValues(unsigned).has(nodeOf(unsigned, "add").outputs[0]!)).toBe(true);
  });
});
