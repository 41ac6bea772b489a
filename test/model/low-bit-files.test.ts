/** TFLite files with INT4, INT2 and UINT4 weights: every code, in a convolution and in a matrix product. */
import { describe, expect, it } from "vitest";
import { load } from "../../src/index.ts";
import { bool, int32, int8 } from "../importers/flatbuffer-writer.ts";
import { type TensorDescription, writeModel } from "../importers/model-writer.ts";

const activation = (name: string, shape: readonly number[]): TensorDescription => ({
  name,
  shape,
  type: "INT8",
  quantization: { scale: [1], zeroPoint: [0] },
});

/** Type, zero point, and the value of every code. */
const TYPES = [
  ["INT4", 0, [0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1]],
  ["INT2", 0, [0, 1, -2, -1]],
  ["UINT4", 3, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]],
] as const;

/** One layer with the codes 0, 1, 2, … as its weights, one per output channel. */
function fileOf(type: string, zeroPoint: number, codes: number, isMatrix: boolean): Uint8Array {
  const bits = Math.log2(codes);
  const data = new Uint8Array((codes * bits) / 8);
  for (let code = 0; code < codes; code++) {
    const at = code * bits;
    data[at >> 3]! |= code << (at & 7);
  }
  const weights: TensorDescription = {
    name: "weights",
    shape: isMatrix ? [codes, 1] : [codes, 1, 1, 1],
    type,
    data,
    quantization: { scale: [1], zeroPoint: [zeroPoint] },
  };
  return writeModel({
    tensors: [
      activation("x", isMatrix ? [1, 1] : [1, 1, 1, 1]),
      weights,
      activation("y", isMatrix ? [1, codes] : [1, 1, 1, codes]),
    ],
    operators: [
      isMatrix
        ? {
            type: "FULLY_CONNECTED",
            inputs: [0, 1],
            outputs: [2],
            options: [8, { 0: int8(0), 2: bool(false) }],
          }
        : {
            type: "CONV_2D",
            inputs: [0, 1],
            outputs: [2],
            options: [1, { 0: int8(1), 1: int32(1), 2: int32(1) }],
          },
    ],
    inputs: [0],
    outputs: [2],
  });
}

describe("a file with weights below 8 bits", () => {
  for (const [type, zeroPoint, values] of TYPES) {
    it.each(["fp32", "tflite-reference"] as const)(
      `of ${type} has them all (%s)`,
      async (rounding) => {
        for (const isMatrix of [true, false]) {
          const file = fileOf(type, zeroPoint, values.length, isMatrix);
          const model = await load(file, { threads: 1, rounding });
          try {
            for (const x of [1, -3, 127, -128]) {
              const { y } = await model.run(Int8Array.of(x));
              const expected = values.map((value) => {
                return Math.min(Math.max(x * (value - zeroPoint), -128), 127) + 0;
              });
              expect([...(y as Int8Array)]).toEqual(expected);
            }
          } finally {
            await model.dispose();
          }
        }
      },
    );
  }
});
