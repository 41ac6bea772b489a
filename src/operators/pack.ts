/** Tensors of one shape side by side along a new axis. */
import { ShapeError } from "../errors.ts";
import { normalizeAxis, rowMajorStrides, sameShape } from "../tensor/index.ts";
import { checkCounts, checkSameFormat, describe } from "./checks.ts";
import { checkSameQuantization, movedType, movementOperator, presentInputs } from "./movement.ts";

export interface PackAttributes {
  /** Where the new axis stands in the result. */
  readonly axis: number;
}

export const pack = movementOperator<PackAttributes>({
  name: "Pack",
  infer(inputs, attributes, declared) {
    checkCounts(inputs, [1, Infinity], declared);
    const [first, ...others] = presentInputs(inputs);
    const x = first!;
    for (const other of others) {
      checkSameFormat(x, other, "all inputs");
      checkSameQuantization(x, other, "an input");
      if (!sameShape(x.shape, other.shape)) {
        throw new ShapeError(`expected ${describe(x)} as all inputs, got ${describe(other)}`);
      }
    }
    const axis = normalizeAxis(attributes.axis, x.shape.length + 1);
    return [movedType(x, declared[0]!, x.shape.toSpliced(axis, 0, inputs.length))];
  },
  moves(inputs, attributes, outputs) {
    const shape = inputs[0]!.shape;
    const axis = normalizeAxis(attributes.axis, shape.length + 1);
    const strides = rowMajorStrides(outputs[0]!.shape);
    return inputs.map((_, i) => ({
      shape,
      from: { tensor: i, offset: 0, strides: rowMajorStrides(shape) },
      to: { tensor: 0, offset: i * strides[axis]!, strides: strides.toSpliced(axis, 1) },
    }));
  },
});
