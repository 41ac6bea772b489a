/**
 * MaxPool2D over the part of each window inside the image: `m < v ? v : m`, so that NaN never wins;
 * padding never wins either.
 */
import { type Rounding, saturate } from "../quantization/index.ts";
import { allocateTensor, type Tensor } from "../tensor/index.ts";
import { activationRange, clampFloat, floatActivationRange } from "./activation-range.ts";
import { isQuantized8 } from "./checks.ts";
import type { Operator } from "./operator.ts";
import {
  eachWindow,
  inferPool,
  type PoolAttributes,
  poolGeometry,
  type WindowRule,
} from "./pool.ts";

export type MaxPool2DAttributes = PoolAttributes;

/** The largest element of a window, from `start`. */
function largest(start: number): WindowRule<{ readonly [index: number]: number }> {
  return (data, first, rows, columns, rowStride, columnStride) => {
    let most = start;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        const value = data[first + i * rowStride + j * columnStride]!;
        if (most < value) most = value;
      }
    }
    return most;
  };
}

function clampCodes(y: Tensor, attributes: PoolAttributes, rounding: Rounding): void {
  const { low, high } = activationRange(attributes.activation, y.type, rounding);
  for (let i = 0; i < y.data.length; i++) y.data[i] = saturate(Number(y.data[i]), low, high);
}

export const maxPool2D: Operator<MaxPool2DAttributes> = {
  name: "MaxPool2D",
  infer: inferPool,

  reference(inputs, attributes, { outputs, rounding }) {
    const x = inputs[0]!;
    const y = allocateTensor(outputs[0]!);
    const geometry = poolGeometry(x.type, attributes);
    if (isQuantized8(x.type.format)) {
      eachWindow(x.data as Int8Array, y.data as Int8Array, geometry, largest(-128));
      clampCodes(y, attributes, rounding);
    } else {
      const range = floatActivationRange(attributes.activation);
      eachWindow(x.data as Float32Array, y.data as Float32Array, geometry, largest(-Infinity));
      for (let i = 0; i < y.data.length; i++) y.data[i] = clampFloat(Number(y.data[i]), range);
    }
    return [y];
  },
};
