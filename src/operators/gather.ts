/** Slices of one axis picked by index. */
import { InputError, ModelError, ShapeError } from "../errors.ts";
import {
  allocateTensor,
  elementCount,
  normalizeAxis,
  type Tensor,
  type TensorType,
} from "../tensor/index.ts";
import { checkCounts, checkFormat, describe, requireInput } from "./checks.ts";
import { movedType, wordsOf } from "./movement.ts";
import type { Operator } from "./operator.ts";

export interface GatherAttributes {
  readonly axis: number;
  /** Leading axes that x and indices share; at most `axis`. */
  readonly batchDims: number;
}

/** Inputs: x, indices (int16, int32 or int64). y = x[…, indices[…], …]. */
export const gather: Operator<GatherAttributes> = {
  name: "Gather",
  infer(inputs, attributes, declared, constants) {
    checkCounts(inputs, [2, 2], declared);
    const x = requireInput(inputs, 0, "a tensor");
    const indices = requireInput(inputs, 1, "indices");
    checkIndexFormat(indices);
    const { axis, batchDims } = gatherAxes(x, indices, attributes);
    if (constants[1] !== undefined) checkConstantIndices(constants[1], () => x.shape[axis]!);
    const shape = [
      ...x.shape.slice(0, axis),
      ...indices.shape.slice(batchDims),
      ...x.shape.slice(axis + 1),
    ];
    return [movedType(x, declared[0]!, shape)];
  },
  reference([x, indices], attributes, context) {
    const y = allocateTensor(context.outputs[0]!);
    const { axis, batchDims } = gatherAxes(x!.type, indices!.type, attributes);
    const extents = x!.type.shape;
    const batches = elementCount(extents.slice(0, batchDims));
    const outer = elementCount(extents.slice(batchDims, axis));
    const inner = elementCount(extents.slice(axis + 1));
    const picks = elementCount(indices!.type.shape.slice(batchDims));
    const copy = elementCopier(x!, y);
    let written = 0;
    for (let batch = 0; batch < batches; batch++) {
      for (let o = 0; o < outer; o++) {
        for (let pick = 0; pick < picks; pick++) {
          const index = runtimeIndex(indices!, batch * picks + pick, extents[axis]!);
          copy(((batch * outer + o) * extents[axis]! + index) * inner, written, inner);
          written += inner;
        }
      }
    }
    return [y];
  },
};

export function gatherAxes(
  x: TensorType,
  indices: TensorType,
  attributes: GatherAttributes,
): GatherAttributes {
  const axis = normalizeAxis(attributes.axis, x.shape.length);
  const rank = indices.shape.length;
  const batchDims = attributes.batchDims + (attributes.batchDims < 0 ? rank : 0);
  if (!Number.isInteger(batchDims) || batchDims < 0 || batchDims > Math.min(axis, rank)) {
    throw new ShapeError(
      `expected batch dimensions up to axis ${axis} and the rank of the indices, got ${attributes.batchDims}`,
    );
  }
  for (let i = 0; i < batchDims; i++) {
    if (x.shape[i] !== indices.shape[i]) {
      throw new ShapeError(
        `expected the same ${batchDims} leading extents, got ${describe(x)} and ${describe(indices)}`,
      );
    }
  }
  return { axis, batchDims };
}

export function checkIndexFormat(indices: TensorType): void {
  checkFormat(indices, ["int16", "int32", "int64"], "indices");
}

/** Every index of a constant inside [0, extent), where extent may depend on its position. */
export function checkConstantIndices(indices: Tensor, extent: (position: number) => number): void {
  indices.data.forEach((value: number | bigint, position: number) => {
    if (value < 0 || value >= extent(position)) {
      throw new ModelError(`expected indices in [0, ${extent(position)}), got ${value}`);
    }
  });
}

/** An index that may come from the caller: checked at every use. */
export function runtimeIndex(indices: Tensor, position: number, extent: number): number {
  const index = Number(indices.data[position]);
  if (index < 0 || index >= extent) {
    throw new InputError(`expected indices in [0, ${extent}), got ${index}`);
  }
  return index;
}

/** Copies `count` elements in a row; positions in elements. */
export function elementCopier(
  x: Tensor,
  y: Tensor,
): (from: number, to: number, count: number) => void {
  const source = wordsOf(x.data);
  const target = wordsOf(y.data);
  const words = x.data.BYTES_PER_ELEMENT / source.BYTES_PER_ELEMENT;
  return (from, to, count) => {
    target.set(source.subarray(from * words, (from + count) * words), to * words);
  };
}
