/** Elements or slices picked by index tuples: y[i, …] = x[indices[i, 0], indices[i, 1], …]. */
import { ShapeError } from "../errors.ts";
import { allocateTensor, elementCount, rowMajorStrides } from "../tensor/index.ts";
import { checkCounts, describe, requireInput } from "./checks.ts";
import { checkConstantIndices, checkIndexFormat, elementCopier, runtimeIndex } from "./gather.ts";
import { movedType } from "./movement.ts";
import type { Operator } from "./operator.ts";

/** Inputs: x, indices (int16, int32 or int64), whose last axis holds the leading axes of x. */
export const gatherNd: Operator<object> = {
  name: "GatherNd",
  infer(inputs, _attributes, declared, constants) {
    checkCounts(inputs, [2, 2], declared);
    const x = requireInput(inputs, 0, "a tensor");
    const indices = requireInput(inputs, 1, "indices");
    checkIndexFormat(indices);
    const depth = indices.shape.at(-1);
    if (depth === undefined || depth > x.shape.length) {
      throw new ShapeError(
        `expected index tuples of at most ${x.shape.length}, got ${describe(indices)}`,
      );
    }
    if (constants[1] !== undefined) {
      checkConstantIndices(constants[1], (position) => x.shape[position % depth]!);
    }
    return [movedType(x, declared[0]!, [...indices.shape.slice(0, -1), ...x.shape.slice(depth)])];
  },
  reference([x, indices], _attributes, context) {
    const y = allocateTensor(context.outputs[0]!);
    const extents = x!.type.shape;
    const strides = rowMajorStrides(extents);
    const depth = indices!.type.shape.at(-1)!;
    const tuples = elementCount(indices!.type.shape.slice(0, -1));
    const run = elementCount(extents.slice(depth));
    const copy = elementCopier(x!, y);
    for (let tuple = 0; tuple < tuples; tuple++) {
      let from = 0;
      for (let i = 0; i < depth; i++) {
        from += runtimeIndex(indices!, tuple * depth + i, extents[i]!) * strides[i]!;
      }
      copy(from, tuple * run, run);
    }
    return [y];
  },
};
