/**
 * Dequantize: f32(s · (x − z)), per tensor or per channel, from integers of 8 bits or fewer; float16
 * is widened exactly.
 */
import { QuantizationError } from "../errors.ts";
import { checkQuantization, f32 } from "../quantization/index.ts";
import {
  allocateTensor,
  elementCount,
  type Tensor,
  type TensorType,
  unpackCodes,
} from "../tensor/index.ts";
import { checkCounts, checkFormat, outputType, requireInput } from "./checks.ts";
import { WEIGHT_FORMATS } from "./conv-quantization.ts";
import type { Operator } from "./operator.ts";
import type { NoAttributes } from "./unary.ts";

export type DequantizeAttributes = NoAttributes;

function checkScales(x: TensorType): void {
  const { quantization, shape } = x;
  if (quantization === undefined) {
    throw new QuantizationError(`expected a ${x.format.name} input with scales, got none`);
  }
  checkQuantization(quantization, x.format);
  const scales = quantization.scale.length;
  if (scales > 1 && scales !== shape[quantization.axis]) {
    throw new QuantizationError(
      `expected ${shape[quantization.axis]} scales along axis ${quantization.axis}, got ${scales}`,
    );
  }
}

export const dequantize: Operator<DequantizeAttributes> = {
  name: "Dequantize",

  infer(inputs, _attributes, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "an input");
    const y = declared[0]!;
    checkFormat(x, ["float16", ...WEIGHT_FORMATS], "input");
    checkFormat(y, ["float32"], "output");
    if (x.format.kind !== "float") checkScales(x);
    return [outputType(y, x.shape)];
  },

  reference(inputs, _attributes, { outputs }) {
    const x = inputs[0] as Tensor;
    const y = allocateTensor(outputs[0]!);
    if (x.type.format.kind === "float") {
      for (let i = 0; i < x.data.length; i++) y.data[i] = x.type.format.decode(Number(x.data[i]));
      return [y];
    }
    const codes = unpackCodes(x);
    const { scale, zeroPoint, axis } = x.type.quantization!;
    const inner = scale.length === 1 ? codes.length : elementCount(x.type.shape.slice(axis + 1));
    for (let i = 0; i < codes.length; i++) {
      const c = Math.floor(i / inner) % scale.length;
      y.data[i] = f32(scale[c]! * (codes[i]! - zeroPoint[c]!));
    }
    return [y];
  },
};
