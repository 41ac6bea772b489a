/** NumPy's `x[b:e:s, …, newaxis, i]` with the masks of TensorFlow. */
import { ModelError, ShapeError } from "../errors.ts";
import { rowMajorStrides, type Shape } from "../tensor/index.ts";
import { checkCounts, requireInput } from "./checks.ts";
import { movedType, movementOperator } from "./movement.ts";

/** Bit i of a mask speaks of entry i of begin, end and strides. */
export interface StridedSliceAttributes {
  readonly begin: readonly number[];
  readonly end: readonly number[];
  readonly strides: readonly number[];
  /** Begin is ignored: from the first element in the direction of the stride. */
  readonly beginMask: number;
  /** End is ignored: to the last element. */
  readonly endMask: number;
  /** The one entry that stands for as many whole axes as are left. */
  readonly ellipsisMask: number;
  /** The entry takes no axis of the input and gives one of extent 1. */
  readonly newAxisMask: number;
  /** The entry takes the element at begin and gives no axis. */
  readonly shrinkAxisMask: number;
}

export const stridedSlice = movementOperator<StridedSliceAttributes>({
  name: "StridedSlice",
  infer(inputs, attributes, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "a tensor");
    return [movedType(x, declared[0]!, selection(x.shape, attributes).shape)];
  },
  moves(inputs, attributes, outputs) {
    const { offset, strides } = selection(inputs[0]!.shape, attributes);
    const shape = outputs[0]!.shape;
    return [
      {
        shape,
        from: { tensor: 0, offset, strides },
        to: { tensor: 0, offset: 0, strides: rowMajorStrides(shape) },
      },
    ];
  },
});

interface Selection {
  readonly shape: number[];
  readonly offset: number;
  /** Strides in the input of the axes of `shape`. */
  readonly strides: number[];
}

function selection(input: Shape, attributes: StridedSliceAttributes): Selection {
  const { begin, end, strides, ellipsisMask, newAxisMask } = attributes;
  const entries = begin.length;
  if (end.length !== entries || strides.length !== entries || entries > 32) {
    throw new ShapeError(
      `expected begin, end and strides of one length, got ${entries}, ${end.length}, ${strides.length}`,
    );
  }
  const isEllipsis = (i: number) => bit(ellipsisMask, i) && i < entries;
  const isNewAxis = (i: number) => bit(newAxisMask, i) && !isEllipsis(i);
  const indices = begin.map((_, i) => i);
  const ellipses = indices.filter(isEllipsis).length;
  if (ellipses > 1) throw new ModelError(`expected at most one ellipsis, got ${ellipses}`);
  const taken = entries - ellipses - indices.filter(isNewAxis).length;
  const left = input.length - taken;
  if (left < 0) throw new ShapeError(`expected at most ${input.length} entries, got ${taken}`);

  const inputStrides = rowMajorStrides(input);
  const result: Selection & { offset: number } = { shape: [], offset: 0, strides: [] };
  let axis = 0;
  const takeWhole = (count: number) => {
    for (let n = 0; n < count; n++, axis++) {
      result.shape.push(input[axis]!);
      result.strides.push(inputStrides[axis]!);
    }
  };
  for (const i of indices) {
    if (isEllipsis(i)) {
      takeWhole(left);
    } else if (isNewAxis(i)) {
      result.shape.push(1);
      result.strides.push(0);
    } else {
      const range = axisRange(input[axis]!, attributes, i);
      // An empty range may start outside; nothing is read, but the offset stays inside.
      if (range.length > 0) result.offset += range.start * inputStrides[axis]!;
      if (!bit(attributes.shrinkAxisMask, i)) {
        result.shape.push(range.length);
        result.strides.push(strides[i]! * inputStrides[axis]!);
      }
      axis++;
    }
  }
  if (ellipses === 0) takeWhole(left);
  return result;
}

/** First element and number of elements that entry i takes of an axis. */
function axisRange(
  extent: number,
  { begin, end, strides, beginMask, endMask, shrinkAxisMask }: StridedSliceAttributes,
  i: number,
): { start: number; length: number } {
  const stride = strides[i]!;
  for (const value of [begin[i]!, end[i]!, stride]) {
    if (!Number.isSafeInteger(value)) throw new ModelError(`expected integers, got ${value}`);
  }
  if (stride === 0) throw new ModelError(`expected strides other than 0, got 0 in entry ${i}`);
  const forward = stride > 0;
  if (bit(shrinkAxisMask, i)) {
    if (!forward) {
      throw new ModelError(`expected a positive stride where an axis is removed, got ${stride}`);
    }
    const index = bit(beginMask, i) ? 0 : begin[i]! < 0 ? begin[i]! + extent : begin[i]!;
    if (index < 0 || index >= extent) {
      throw new ShapeError(`expected an index in [${-extent}, ${extent}), got ${begin[i]}`);
    }
    return { start: index, length: 1 };
  }
  // Positions are clamped to one step outside in the direction of travel.
  const low = forward ? 0 : -1;
  const high = forward ? extent : extent - 1;
  const clamp = (value: number) =>
    Math.min(Math.max(value < 0 ? value + extent : value, low), high);
  const start = bit(beginMask, i) ? (forward ? 0 : extent - 1) : clamp(begin[i]!);
  const stop = bit(endMask, i) ? (forward ? extent : -1) : clamp(end[i]!);
  return { start, length: Math.max(Math.ceil((stop - start) / stride), 0) };
}

function bit(mask: number, i: number): boolean {
  return ((mask >> i) & 1) === 1;
}
