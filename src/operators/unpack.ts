/** One output per index of an axis, which is removed. */
import { ShapeError } from "../errors.ts";
import { normalizeAxis, rowMajorStrides } from "../tensor/index.ts";
import { checkCounts, describe, requireInput } from "./checks.ts";
import { movedType, movementOperator } from "./movement.ts";

export interface UnpackAttributes {
  readonly axis: number;
  /** The extent of the axis. */
  readonly parts: number;
}

export const unpack = movementOperator<UnpackAttributes>({
  name: "Unpack",
  infer(inputs, attributes, declared) {
    const x = requireInput(inputs, 0, "a tensor");
    const axis = normalizeAxis(attributes.axis, x.shape.length);
    if (x.shape[axis] !== attributes.parts) {
      throw new ShapeError(`expected ${attributes.parts} at axis ${axis}, got ${describe(x)}`);
    }
    checkCounts(inputs, [1, 1], declared, attributes.parts);
    return declared.map((type) => movedType(x, type, x.shape.toSpliced(axis, 1)));
  },
  moves(inputs, attributes, outputs) {
    const x = inputs[0]!;
    const axis = normalizeAxis(attributes.axis, x.shape.length);
    const strides = rowMajorStrides(x.shape);
    return outputs.map(({ shape }, i) => ({
      shape,
      from: { tensor: 0, offset: i * strides[axis]!, strides: strides.toSpliced(axis, 1) },
      to: { tensor: i, offset: 0, strides: rowMajorStrides(shape) },
    }));
  },
});
