/**
 * Quantize: float32 to int8 or uint8, or 8-bit codes to another scale, zero point or signedness
 * (numerics.md, section 4).
 */
import { roundHalfEven } from "../formats/index.ts";
import {
  f32,
  multiplyByQuantizedMultiplier,
  quantizeMultiplier,
  roundHalfAway,
  type Rounding,
  saturate,
} from "../quantization/index.ts";
import { allocateTensor, type Tensor, type TensorType } from "../tensor/index.ts";
import {
  affine,
  checkCounts,
  checkFormat,
  checkScaleRatio,
  isQuantized8,
  outputType,
  requireInput,
} from "./checks.ts";
import type { Operator } from "./operator.ts";
import { codeTable, lookUp, type NoAttributes } from "./unary.ts";

export type QuantizeAttributes = NoAttributes;

/** An operator that is a table only for 8-bit inputs. */
export interface QuantizeOperator extends Operator<QuantizeAttributes> {
  /** The output byte of each input byte of an 8-bit x. */
  table(
    x: TensorType,
    y: TensorType,
    attributes: QuantizeAttributes,
    rounding: Rounding,
  ): Uint8Array;
}

/**
 * The code of a real number. `fp32`: RNE(clamp(f32(x · f32(1 / s_y)))) + z_y; `tflite-reference`:
 * sat(RHA(f32(x / s_y)) + z_y). NaN gives the lowest code.
 */
export function quantizeReal(y: TensorType, rounding: Rounding): (value: number) => number {
  const { scale, zeroPoint } = affine(y, "output");
  const { min, max } = y.format;
  if (rounding === "fp32") {
    const inverse = f32(1 / scale);
    return (value) => {
      const steps = f32(value * inverse);
      if (Number.isNaN(steps)) return min;
      return roundHalfEven(saturate(steps, min - zeroPoint, max - zeroPoint)) + zeroPoint;
    };
  }
  return (value) => {
    const steps = f32(value / scale);
    if (Number.isNaN(steps)) return min;
    return saturate(roundHalfAway(steps) + zeroPoint, min, max);
  };
}

function rescaleTable(x: TensorType, y: TensorType, rounding: Rounding): Uint8Array {
  const { scale: inputScale } = affine(x, "input");
  const { scale: outputScale, zeroPoint } = affine(y, "output");
  const { min, max } = y.format;
  const ratio = f32(inputScale / outputScale);
  // XNNPACK takes codes of the same type and ratios in [2^-8, 2^7], with 8 fraction bits.
  if (rounding === "fp32" && x.format === y.format && ratio >= 2 ** -8 && ratio <= 2 ** 7) {
    const multiplier = roundHalfEven(256 * ratio);
    return codeTable(x, (x1) => saturate((zeroPoint * 256 + 128 + multiplier * x1) >> 8, min, max));
  }
  const multiplier = quantizeMultiplier(inputScale / outputScale);
  return codeTable(x, (x1) =>
    saturate(multiplyByQuantizedMultiplier(x1, multiplier) + zeroPoint, min, max),
  );
}

export const quantize: QuantizeOperator = {
  name: "Quantize",
  table: (x, y, _attributes, rounding) => rescaleTable(x, y, rounding),

  infer(inputs, _attributes, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "an input");
    const y = declared[0]!;
    checkFormat(x, ["float32", "int8", "uint8"], "input");
    checkFormat(y, ["int8", "uint8"], "output");
    affine(y, "output");
    if (isQuantized8(x.format)) checkScaleRatio(x, y);
    return [outputType(y, x.shape)];
  },

  reference(inputs, _attributes, { outputs, rounding }) {
    const x = inputs[0] as Tensor;
    const y = allocateTensor(outputs[0]!);
    if (isQuantized8(x.type.format)) {
      lookUp(x.data, rescaleTable(x.type, y.type, rounding), y.data);
    } else {
      const code = quantizeReal(y.type, rounding);
      for (let i = 0; i < y.data.length; i++) y.data[i] = code(Number(x.data[i]));
    }
    return [y];
  },
};
