/** The same elements in the same order under another shape. */
import { ShapeError } from "../errors.ts";
import { elementCount, type Shape, type TensorType } from "../tensor/index.ts";
import { checkCounts, requireInput } from "./checks.ts";
import { type Move, movedType, movementOperator } from "./movement.ts";

export interface ReshapeAttributes {
  /** May hold one −1: what remains of the elements. [0] for one element is a scalar, as in TFLite. */
  readonly shape: readonly number[];
}

export const reshape = movementOperator<ReshapeAttributes>({
  name: "Reshape",
  infer(inputs, { shape }, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "a tensor");
    return [movedType(x, declared[0]!, reshapedShape(x.shape, shape))];
  },
  moves: keepOrder,
});

/** One move of all elements in order. */
export function keepOrder(inputs: readonly (TensorType | undefined)[]): Move[] {
  const all = { tensor: 0, offset: 0, strides: [1] };
  return [{ shape: [elementCount(inputs[0]!.shape)], from: all, to: all }];
}

function reshapedShape(from: Shape, wanted: readonly number[]): Shape {
  const count = elementCount(from);
  if (wanted.length === 1 && wanted[0] === 0 && count === 1) return [];
  const free = wanted.filter((extent) => extent === -1).length;
  if (free > 1) throw new ShapeError(`expected at most one -1, got [${wanted.join(", ")}]`);
  const known = elementCount(wanted.map((extent) => (extent === -1 ? 1 : extent)));
  // With no elements at all a free extent could be anything; TFLite's answer is 0.
  const rest = known === 0 ? 0 : count / known;
  const shape = wanted.map((extent) => (extent === -1 ? rest : extent));
  if (!Number.isInteger(rest) || elementCount(shape) !== count) {
    throw new ShapeError(
      `expected a shape of the ${count} elements of [${from.join(", ")}], got [${wanted.join(", ")}]`,
    );
  }
  return shape;
}
