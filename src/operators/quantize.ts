/**
 * Quantize: float32 to int8 or uint8, or 8-bit codes to another scale, zero point or signedness
 * (docs/exactness.md, section 4); also 8-bit codes to uint4, uint2 or uint1, which is ours: the nodes that
 * src/quantizer puts in front of convolutions.
 */
import { UnsupportedError } from "../errors.ts";
import { roundHalfEven } from "../formats/index.ts";
import {
  f32,
  multiplyByQuantizedMultiplier,
  quantizeMultiplier,
  roundHalfAway,
  type Rounding,
  saturate,
} from "../quantization/index.ts";
import { allocateTensor, packBits, type Tensor, type TensorType } from "../tensor/index.ts";
import {
  affine,
  CODE_FORMATS,
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
function quantizeReal(y: TensorType, rounding: Rounding): (value: number) => number {
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

/** K of `narrowedCode`: 256 · s_x / s_y to the nearest integer. */
export function narrowingMultiplier(x: TensorType, y: TensorType): number {
  return roundHalfEven(256 * f32(affine(x, "input").scale / affine(y, "output").scale));
}

/** Largest K: z_y · 256 − K · z_x + K · x stays in int32. */
const MAX_NARROWING = 2 ** 15;

/**
 * 8 bits to fewer, under both rules: y = sat((z_y · 256 − K · z_x + 128 + K · x) >> 8). Entry i is the
 * value of input byte i.
 */
export function narrowingTable(x: TensorType, y: TensorType): Uint8Array {
  const { zeroPoint } = affine(y, "output");
  const { min, max } = y.format;
  const multiplier = narrowingMultiplier(x, y);
  return codeTable(x, (x1) => saturate((zeroPoint * 256 + 128 + multiplier * x1) >> 8, min, max));
}

function checkNarrowing(x: TensorType, y: TensorType): void {
  checkFormat(x, ["int8", "uint8"], "input");
  const multiplier = narrowingMultiplier(x, y);
  if (multiplier < 1 || multiplier > MAX_NARROWING) {
    throw new UnsupportedError(
      `${x.format.name} to ${y.format.name} with 256 * s_x / s_y outside [1, ${MAX_NARROWING}], got ${multiplier}`,
    );
  }
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
    checkFormat(y, CODE_FORMATS, "output");
    affine(y, "output");
    if (y.format.bits < 8) checkNarrowing(x, y);
    else if (isQuantized8(x.format)) checkScaleRatio(x, y);
    return [outputType(y, x.shape)];
  },

  reference(inputs, _attributes, { outputs, rounding }) {
    const x = inputs[0] as Tensor;
    const y = allocateTensor(outputs[0]!);
    if (y.type.format.bits < 8) {
      const table = narrowingTable(x.type, y.type);
      const bytes = new Uint8Array(x.data.buffer, x.data.byteOffset, x.data.length);
      return [
        {
          type: y.type,
          data: packBits(
            y.type.format,
            bytes.map((byte) => table[byte]!),
          ),
        },
      ];
    }
    if (isQuantized8(x.type.format)) {
      lookUp(x.data, rescaleTable(x.type, y.type, rounding), y.data);
    } else {
      const code = quantizeReal(y.type, rounding);
      for (let i = 0; i < y.data.length; i++) y.data[i] = code(Number(x.data[i]));
    }
    return [y];
  },
};
