/** The position of the largest value along an axis, the first of equals. */
import { ShapeError } from "../errors.ts";
import { allocateTensor, elementCount, normalizeAxis } from "../tensor/index.ts";
import { checkCounts, checkFormat, describe, outputType, requireInput } from "./checks.ts";
import type { Operator } from "./operator.ts";

export interface ArgMaxAttributes {
  readonly axis: number;
}

/** Input: numbers of whole bytes. Output: int32 or int64, the axis removed. */
export const argMax: Operator<ArgMaxAttributes> = {
  name: "ArgMax",
  infer(inputs, attributes, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "a tensor");
    checkFormat(x, ["float32", "int8", "uint8", "int16", "int32", "int64", "bool"], "input");
    checkFormat(declared[0]!, ["int32", "int64"], "output");
    const axis = normalizeAxis(attributes.axis, x.shape.length);
    if (x.shape[axis] === 0) {
      throw new ShapeError(`expected elements along axis ${axis}, got ${describe(x)}`);
    }
    return [outputType(declared[0]!, x.shape.toSpliced(axis, 1))];
  },
  reference([x], attributes, context) {
    const y = allocateTensor(context.outputs[0]!);
    const { shape } = x!.type;
    const { data } = x!;
    const axis = normalizeAxis(attributes.axis, shape.length);
    const outer = elementCount(shape.slice(0, axis));
    const inner = elementCount(shape.slice(axis + 1));
    const extent = shape[axis]!;
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) {
        const start = o * extent * inner + i;
        let best = 0;
        for (let k = 1; k < extent; k++) {
          // A comparison with NaN is false: a first NaN stays, a later one never wins.
          if (data[start + k * inner]! > data[start + best * inner]!) best = k;
        }
        if (y.data instanceof BigInt64Array) y.data[o * inner + i] = BigInt(best);
        else y.data[o * inner + i] = best;
      }
    }
    return [y];
  },
};
