/** A border around the input: PAD with real 0, PADV2 with a given value. */
import { ShapeError } from "../errors.ts";
import {
  allocateTensor,
  elementCount,
  rowMajorStrides,
  type Tensor,
  type TensorType,
} from "../tensor/index.ts";
import { checkCounts, checkSameFormat, describe, requireInput } from "./checks.ts";
import { carryOut, checkSameQuantization, movedType, wordsOf } from "./movement.ts";
import type { Operator } from "./operator.ts";

export interface PadAttributes {
  /** Elements added before and after each axis. */
  readonly paddings: readonly (readonly [before: number, after: number])[];
}

/** Inputs: x, and optionally one element of x's type for the border. */
export const pad: Operator<PadAttributes> = {
  name: "Pad",
  infer(inputs, { paddings }, declared) {
    checkCounts(inputs, [1, 2], declared);
    const x = requireInput(inputs, 0, "a tensor");
    const value = inputs[1];
    if (value !== undefined) {
      checkSameFormat(x, value, "the border's value");
      checkSameQuantization(x, value, "the border's value");
      if (elementCount(value.shape) !== 1) {
        throw new ShapeError(`expected one element as the border's value, got ${describe(value)}`);
      }
    }
    if (paddings.length !== x.shape.length) {
      throw new ShapeError(`expected ${x.shape.length} paddings, got ${paddings.length}`);
    }
    const shape = x.shape.map((extent, axis) => {
      const [before, after] = paddings[axis]!;
      for (const amount of [before, after]) {
        if (!Number.isSafeInteger(amount) || amount < 0) {
          throw new ShapeError(`expected paddings from 0, got ${amount} at axis ${axis}`);
        }
      }
      return before + extent + after;
    });
    return [movedType(x, declared[0]!, shape)];
  },
  reference([x, value], { paddings }, context) {
    const y = allocateTensor(context.outputs[0]!);
    const element = value ?? realZero(x!.type);
    const { shape } = y.type;
    const strides = rowMajorStrides(shape);
    const everywhere = { tensor: 0, offset: 0, strides };
    const repeated = { tensor: 1, offset: 0, strides: shape.map(() => 0) };
    carryOut({ shape, from: repeated, to: everywhere }, element.data, y.data);

    const offset = paddings.reduce((sum, [before], axis) => sum + before * strides[axis]!, 0);
    const inside = { tensor: 0, offset, strides };
    const all = { tensor: 0, offset: 0, strides: rowMajorStrides(x!.type.shape) };
    carryOut({ shape: x!.type.shape, from: all, to: inside }, x!.data, y.data);
    return [y];
  },
};

/** One element that means 0: the zero point of a quantized type, which without one is 0. */
export function realZero({ format, quantization }: TensorType): Tensor {
  const zero = allocateTensor({ format, shape: [] });
  wordsOf(zero.data)[0] = quantization?.zeroPoint[0] ?? 0;
  return zero;
}
