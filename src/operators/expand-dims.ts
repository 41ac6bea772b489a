/** Inserts an axis of extent 1. */
import { normalizeAxis } from "../tensor/index.ts";
import { checkCounts, requireInput } from "./checks.ts";
import { movedType, movementOperator } from "./movement.ts";
import { keepOrder } from "./reshape.ts";

export interface ExpandDimsAttributes {
  /** Where the new axis stands in the result. */
  readonly axis: number;
}

export const expandDims = movementOperator<ExpandDimsAttributes>({
  name: "ExpandDims",
  infer(inputs, attributes, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "a tensor");
    const axis = normalizeAxis(attributes.axis, x.shape.length + 1);
    return [movedType(x, declared[0]!, x.shape.toSpliced(axis, 0, 1))];
  },
  moves: keepOrder,
});
