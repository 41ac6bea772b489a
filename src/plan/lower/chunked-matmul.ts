/** ChunkedMatMul: a is decoded to float32 at run time, b into panels at load. */
import { chunkedRounding, decodeKernelOf } from "../../kernels/index.ts";
import {
  accumulatorOf,
  type ChunkedMatMulAttributes,
  fullyConnectedGeometry,
  minifloatOf,
} from "../../operators/index.ts";
import { chunkedStep } from "./chunked-step.ts";
import type { LowerContext } from "./context.ts";
import { decodeStep } from "./minifloat-codes.ts";

export function lowerChunkedMatMul(
  context: LowerContext,
  attributes: ChunkedMatMulAttributes,
): boolean {
  const [a, b] = context.inputs;
  const { rows, columns, depth } = fullyConnectedGeometry(a!, b!);
  const left = minifloatOf(a!, "operands");
  const rounding = chunkedRounding({
    ...{ a: left, b: minifloatOf(b!, "operands") },
    ...{ accumulator: accumulatorOf(attributes), rounding: attributes.rounding },
  });
  if (
    context.constant(1) === undefined ||
    context.constant(0) !== undefined ||
    decodeKernelOf(left) === undefined ||
    rounding === undefined
  ) {
    return false;
  }
  const decoded = context.temporary(`${left.name} as float32`, rows * depth * 4);
  decodeStep(context, left, context.input(0), decoded, rows * depth);
  chunkedStep(context, attributes, rounding, {
    ...{ a: decoded, aStride: depth * 4, groupStride: 0, y: context.output(0) },
    ...{ rows, columns, groups: 1, depth, shift: 0 },
  });
  return true;
}
