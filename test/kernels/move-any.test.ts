/** Movements of any shape, found by chance: kernels equal to `reference()`. */
import fc from "fast-check";
import { describe, it } from "vitest";
import { float32, int16, int64, int8 } from "../../src/formats/index.ts";
import {
  concatenation,
  type Operator,
  pad,
  stridedSlice,
  transpose,
} from "../../src/operators/index.ts";
import type { Shape } from "../../src/tensor/index.ts";
import { expectReference } from "./against-reference.ts";
import { nodeGraph } from "./runner.ts";

const formats = fc.constantFrom(int8, int16, float32, int64);
/** Up to five axes; extents around a block of the transposing kernels among them. */
const extents = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(15, 16, 17, 33));
const shapes = fc
  .array(extents, { minLength: 1, maxLength: 5 })
  .filter((shape) => shape.reduce((product, extent) => product * extent, 1) <= 50_000);

interface Case<A> {
  readonly attributes: A;
  readonly inputs: readonly Shape[];
}

async function check<A>(operator: Operator<A>, cases: fc.Arbitrary<Case<A>>): Promise<void> {
  const property = fc.asyncProperty(cases, formats, async ({ attributes, inputs }, format) => {
    const types = inputs.map((shape) => ({ format, shape }));
    await expectReference(nodeGraph(operator, attributes, types, [{ format, shape: [] }]));
  });
  await fc.assert(property, { numRuns: 60 });
}

describe("any", () => {
  it("transposition", async () => {
    const cases = shapes.chain((shape) =>
      fc
        .shuffledSubarray([...shape.keys()], { minLength: shape.length })
        .map((permutation) => ({ attributes: { permutation }, inputs: [shape] })),
    );
    await check(transpose, cases);
  });

  it("strided slice", async () => {
    const list = (values: fc.Arbitrary<number>, { length }: Shape) =>
      fc.array(values, { minLength: length, maxLength: length });
    const cases = shapes.chain((shape) =>
      fc
        .record({
          begin: list(fc.integer({ min: -20, max: 20 }), shape),
          end: list(fc.integer({ min: -20, max: 20 }), shape),
          strides: list(fc.constantFrom(-3, -1, 1, 1, 2), shape),
          beginMask: fc.nat(31),
          endMask: fc.nat(31),
          newAxisMask: fc.constant(0),
          ellipsisMask: fc.constant(0),
          shrinkAxisMask: fc.constant(0),
        })
        .map((attributes) => ({ attributes, inputs: [shape] })),
    );
    await check(stridedSlice, cases);
  });

  it("concatenation", async () => {
    const cases = fc
      .tuple(
        shapes,
        fc.nat(4),
        fc.array(fc.integer({ min: 0, max: 18 }), { minLength: 1, maxLength: 3 }),
      )
      .map(([shape, at, parts]) => {
        const axis = at % shape.length;
        return {
          attributes: { axis, activation: "none" as const },
          inputs: parts.map((extent) => shape.with(axis, extent)),
        };
      });
    await check(concatenation, cases);
  });

  it("border", async () => {
    const amounts = fc.tuple(fc.nat(3), fc.nat(3));
    const cases = shapes.chain((shape) =>
      fc
        .array(amounts, { minLength: shape.length, maxLength: shape.length })
        .filter(
          (paddings) =>
            paddings.reduce((size, [a, b], i) => size * (a + shape[i]! + b), 1) <= 200_000,
        )
        .map((paddings) => ({ attributes: { paddings }, inputs: [shape] })),
    );
    await check(pad, cases);
  });
});
