/** Equal parts along one axis. */
import { ModelError, ShapeError } from "../errors.ts";
import { normalizeAxis, rowMajorStrides } from "../tensor/index.ts";
import { checkCounts, describe, requireInput } from "./checks.ts";
import { movedType, movementOperator } from "./movement.ts";

export interface SplitAttributes {
  readonly axis: number;
  /** Number of parts, one output each. */
  readonly parts: number;
}

export const split = movementOperator<SplitAttributes>({
  name: "Split",
  infer(inputs, attributes, declared) {
    const { parts } = attributes;
    if (!Number.isSafeInteger(parts) || parts < 1) {
      throw new ModelError(`expected at least 1 part, got ${parts}`);
    }
    checkCounts(inputs, [1, 1], declared, parts);
    const x = requireInput(inputs, 0, "a tensor");
    const axis = normalizeAxis(attributes.axis, x.shape.length);
    const extent = x.shape[axis]! / parts;
    if (!Number.isInteger(extent)) {
      throw new ShapeError(`expected ${parts} equal parts of axis ${axis}, got ${describe(x)}`);
    }
    return declared.map((type) => movedType(x, type, x.shape.with(axis, extent)));
  },
  moves(inputs, attributes, outputs) {
    const x = inputs[0]!;
    const axis = normalizeAxis(attributes.axis, x.shape.length);
    const strides = rowMajorStrides(x.shape);
    return outputs.map(({ shape }, i) => ({
      shape,
      from: { tensor: 0, offset: i * shape[axis]! * strides[axis]!, strides },
      to: { tensor: i, offset: 0, strides: rowMajorStrides(shape) },
    }));
  },
});
