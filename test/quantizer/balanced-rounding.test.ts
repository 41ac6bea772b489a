/** Rounding of the weights of a channel together, without samples. */
import { describe, expect, it } from "vitest";
import { binary, int2, int4, ternary } from "../../src/formats/index.ts";
import type { Graph } from "../../src/graph/index.ts";
import { balanceCodes } from "../../src/quantizer/balanced-grid.ts";
import {
  balanceErrors,
  type InputCorrelation,
  POSITIVE_INPUTS,
  SIGNED_INPUTS,
} from "../../src/quantizer/balanced-rounding.ts";
import { nearestCode } from "../../src/quantizer/index.ts";
import { nonNegativeValues } from "../../src/quantizer/signs.ts";
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
    const scale = Float64Array.from(values, (_, k) => scaleOf(k));
    const nearest = Int8Array.from(values, (value, k) => nearestCode(value / scaleOf(k), format));
    const codes = new Int8Array(36);
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
