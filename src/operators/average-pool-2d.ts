/**
 * AveragePool2D over the part of each window inside the image. On 8 bits, both rules: the sum of the
 * stored codes divided by their count, ties away from zero (docs/exactness.md, section 4).
 */
import { ShapeError } from "../errors.ts";
import { f32, saturate } from "../quantization/index.ts";
import { allocateTensor } from "../tensor/index.ts";
import { activationRange, clampFloat, floatActivationRange } from "./activation-range.ts";
import { isQuantized8 } from "./checks.ts";
import type { Operator } from "./operator.ts";
import { eachWindow, inferPool, type PoolAttributes, poolGeometry } from "./pool.ts";

export type AveragePool2DAttributes = PoolAttributes;

/** trunc((S ± n/2) / n): S the sum of n stored codes. */
function averageCode(sum: number, count: number): number {
  const half = count >> 1;
  return Math.trunc((sum > 0 ? sum + half : sum - half) / count);
}

/** Windows whose codes could sum past int32: 2^31 / 255. */
const MAX_WINDOW = Math.floor((2 ** 31 - 1) / 256);

export const averagePool2D: Operator<AveragePool2DAttributes> = {
  name: "AveragePool2D",

  infer(inputs, attributes, declared) {
    const types = inferPool(inputs, attributes, declared);
    const [height, width] = poolGeometry(inputs[0]!, attributes).input;
    const [rows, columns] = attributes.filter;
    if (Math.min(rows, height) * Math.min(columns, width) > MAX_WINDOW) {
      throw new ShapeError(
        `expected a window of at most ${MAX_WINDOW} elements, got ${rows}x${columns}`,
      );
    }
    return types;
  },

  reference(inputs, attributes, { outputs }) {
    const x = inputs[0]!;
    const y = allocateTensor(outputs[0]!);
    const geometry = poolGeometry(x.type, attributes);
    if (isQuantized8(x.type.format)) {
      // XNNPACK has no 8-bit average pooling: TFLite's own range holds under both rules.
      const { low, high } = activationRange(attributes.activation, y.type, "tflite-reference");
      eachWindow(
        x.data as Int8Array,
        y.data as Int8Array,
        geometry,
        (data, first, rows, columns, rowStride, columnStride) => {
          let sum = 0;
          for (let i = 0; i < rows; i++) {
            for (let j = 0; j < columns; j++)
              sum += data[first + i * rowStride + j * columnStride]!;
          }
          return saturate(averageCode(sum, rows * columns), low, high);
        },
      );
    } else {
      const range = floatActivationRange(attributes.activation);
      eachWindow(
        x.data as Float32Array,
        y.data as Float32Array,
        geometry,
        (data, first, rows, columns, rowStride, columnStride) => {
          // From 0 in the order of rows and columns; then one division.
          let sum = 0;
          for (let i = 0; i < rows; i++) {
            for (let j = 0; j < columns; j++) {
              sum = f32(sum + data[first + i * rowStride + j * columnStride]!);
            }
          }
          return clampFloat(f32(sum / (rows * columns)), range);
        },
      );
    }
    return [y];
  },
};
