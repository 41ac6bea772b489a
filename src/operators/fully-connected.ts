/**
 * FullyConnected: y[m, n] = activation(bias[n] + Σ_k x[m, k] · w[n, k]), x seen as rows of K values
 * (FULLY_CONNECTED of TFLite; docs/exactness.md, sections 3.1 and 3.3).
 */
import { ShapeError } from "../errors.ts";
import { isMinifloat } from "../formats/index.ts";
import type { Rounding } from "../quantization/index.ts";
import { allocateTensor, elementCount, type Tensor } from "../tensor/index.ts";
import { clampFloat, floatActivationRange } from "./activation-range.ts";
import {
  CODE_FORMATS,
  checkActivation,
  checkCounts,
  checkFormat,
  describe,
  isCode,
  outputType,
  requireInput,
} from "./checks.ts";
import { dotCodes, dotFloats, sumCodes } from "./conv-loops.ts";
import { checkFloatConv, checkQuantizedConv } from "./conv-checks.ts";
import {
  correctedCodes,
  correctedWeights,
  fullyConnectedQuantization,
  type OutputAttributes,
} from "./conv-quantization.ts";
import {
  checkDynamicRange,
  dequantizeSum,
  isDynamicRange,
  quantizeDynamically,
  weightScale,
} from "./dynamic-range.ts";
import { fullyConnectedGeometry, type MatrixGeometry } from "./matrix-geometry.ts";
import { checkMinifloatLayer, isMinifloatLayer } from "./minifloat-layers.ts";
import { multiplyMinifloats } from "./minifloat-loops.ts";
import type { Activation, Operator } from "./operator.ts";
import { blockCodes, blockStage, hasBlocks } from "./weight-blocks.ts";

export interface FullyConnectedAttributes extends OutputAttributes {
  /** The output keeps the leading extents of the input; its last extent must then be K. */
  readonly keepDims: boolean;
}

export const fullyConnected: Operator<FullyConnectedAttributes> = {
  name: "FullyConnected",

  infer(inputs, attributes, declared, constants) {
    checkCounts(inputs, [2, 3], declared);
    const x = requireInput(inputs, 0, "an input");
    const w = requireInput(inputs, 1, "weights");
    const bias = inputs[2];
    const y = declared[0]!;
    if (!isMinifloat(x.format)) checkFormat(x, ["float32", ...CODE_FORMATS], "input");
    checkActivation(attributes.activation);
    const { rows, columns, depth } = fullyConnectedGeometry(x, w);
    if (attributes.keepDims && x.shape.at(-1) !== depth) {
      throw new ShapeError(`expected an input whose last extent is ${depth}, got ${describe(x)}`);
    }
    if (isMinifloatLayer(x, w)) {
      checkMinifloatLayer({
        ...{ x, w, bias, y, channels: columns, channelAxis: 0, depth, attributes },
        sums: rows * columns,
      });
    } else if (isCode(x.format)) {
      checkQuantizedConv({
        x,
        w,
        bias,
        y,
        constantWeights: constants[1],
        constantBias: constants[2],
        channels: columns,
        channelAxis: 0,
        channelStride: depth,
        activation: attributes.activation,
        allowsBlocks: true,
      });
    } else if (isDynamicRange(x, w)) {
      checkDynamicRange(w, bias, y, columns, depth, constants[1]);
    } else {
      checkFloatConv(w, bias, y, columns);
    }
    const leading = attributes.keepDims ? x.shape.slice(0, -1) : [rows];
    return [outputType(y, [...leading, columns])];
  },

  reference(inputs, attributes, { outputs, rounding }) {
    const [x, w, bias] = inputs as [Tensor, Tensor, Tensor | undefined];
    const y = allocateTensor(outputs[0]!);
    const geometry = fullyConnectedGeometry(x.type, w.type);
    const { activation } = attributes;
    if (isMinifloatLayer(x.type, w.type)) {
      multiplyMinifloats(x, w, bias, y, geometry, attributes);
    } else if (isCode(x.type.format)) {
      multiplyCodes(x, w, bias, y, geometry, attributes, rounding);
    } else if (isDynamicRange(x.type, w.type)) {
      multiplyDynamically(x, w, bias, y, geometry, activation, rounding);
    } else {
      multiplyFloats(x, w, bias, y, geometry, activation);
    }
    return [y];
  },

  macs(inputs, outputs) {
    return elementCount(outputs[0]!.shape) * inputs[1]!.shape[1]!;
  },
};

function multiplyCodes(
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  { rows, columns, depth }: MatrixGeometry,
  attributes: OutputAttributes,
  rounding: Rounding,
): void {
  const x1 = correctedCodes(x, x.type.quantization!.zeroPoint[0]!);
  const code = hasBlocks(w.type)
    ? blockCodes(w, bias, blockStage(x.type, w.type, y.type, attributes.activation))
    : sumCodes(w, bias, fullyConnectedQuantization(x.type, w.type, y.type, attributes, rounding));
  for (let m = 0; m < rows; m++) {
    const row = x1.subarray(m * depth, (m + 1) * depth);
    for (let n = 0; n < columns; n++) {
      y.data[m * columns + n] = code(row, n);
    }
  }
}

/** Every row is quantized on its own. */
function multiplyDynamically(
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  { rows, columns, depth }: MatrixGeometry,
  activation: Activation,
  rounding: Rounding,
): void {
  const { codes, scales } = quantizeDynamically(x.data as Float32Array, rows, w.type, rounding);
  const weights = correctedWeights(w, new Int32Array(columns), depth);
  const biases = bias?.data as Float32Array | undefined;
  const range = floatActivationRange(activation);
  for (let m = 0; m < rows; m++) {
    const row = codes.subarray(m * depth, (m + 1) * depth);
    for (let n = 0; n < columns; n++) {
      const sum = dotCodes(row, weights, n * depth, 0);
      const value = dequantizeSum(sum, scales[m]!, weightScale(w.type, n), biases?.[n] ?? 0);
      y.data[m * columns + n] = clampFloat(value, range);
    }
  }
}

/** Float32, one rounding per multiply and per add, k ascending, starting from the bias. */
function multiplyFloats(
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  { rows, columns, depth }: MatrixGeometry,
  activation: Activation,
): void {
  const range = floatActivationRange(activation);
  const biases = bias?.data as Float32Array | undefined;
  for (let m = 0; m < rows; m++) {
    const row = (x.data as Float32Array).subarray(m * depth, (m + 1) * depth);
    for (let n = 0; n < columns; n++) {
      const start = biases === undefined ? 0 : biases[n]!;
      const sum = dotFloats(row, w.data as Float32Array, n * depth, start);
      y.data[m * columns + n] = clampFloat(sum, range);
    }
  }
}
