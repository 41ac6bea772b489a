/**
 * ChunkedMatMul: y[m, n] = Σ_k a[m, k] · b[n, k] in an emulated accumulator: the sum of `chunked-sum.ts`
 * with output o = m · N + n.
 */
import { ModelError, UnsupportedError } from "../errors.ts";
import { allocateTensor, elementCount, type TensorType } from "../tensor/index.ts";
import { checkCounts, checkFormat, outputType, requireInput } from "./checks.ts";
import { checkChunkedSum, chunkedSum, type ChunkedMatMulAttributes } from "./chunked-sum.ts";
import { fullyConnectedGeometry } from "./matrix-geometry.ts";
import { minifloatOf, minifloatValues } from "./minifloat-codes.ts";
import type { Operator } from "./operator.ts";

/** Inputs: a [..., K] and b [N, K] in minifloats without scales. Output: float32 [rows, N]. */
export const chunkedMatMul: Operator<ChunkedMatMulAttributes> = {
  name: "ChunkedMatMul",

  infer(inputs, attributes, declared) {
    checkCounts(inputs, [2, 2], declared);
    const a = requireInput(inputs, 0, "rows");
    const b = requireInput(inputs, 1, "columns");
    for (const operand of [a, b]) {
      const { signed, name } = minifloatOf(operand, "operands");
      if (!signed) throw new ModelError(`expected operands with a sign, got ${name}`);
      if (operand.quantization !== undefined) {
        throw new UnsupportedError("ChunkedMatMul of operands with scales");
      }
    }
    checkFormat(declared[0]!, ["float32"], "output");
    const { rows, columns, depth } = fullyConnectedGeometry(a, b);
    checkChunkedSum(attributes, rows * columns, depth);
    return [outputType(declared[0]!, [rows, columns])];
  },

  reference([a, b], attributes, { outputs }) {
    const y = allocateTensor(outputs[0]!);
    const { rows, columns, depth } = fullyConnectedGeometry(a!.type, b!.type);
    const x = minifloatValues(a!);
    const w = minifloatValues(b!);
    const sum = chunkedSum(attributes, depth);
    for (let m = 0; m < rows; m++) {
      const row = x.subarray(m * depth, (m + 1) * depth);
      for (let n = 0; n < columns; n++) {
        const output = m * columns + n;
        y.data[output] = sum(row, w, n * depth, output);
      }
    }
    return [y];
  },

  macs(inputs, outputs) {
    return elementCount(outputs[0]!.shape) * (inputs[1] as TensorType).shape[1]!;
  },
};
