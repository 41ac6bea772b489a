/**
 * TransposeConv: input (i, j) adds x · w[o, a, b, :] to output (i · stride − pad + a,
 * j · stride − pad + b) where that lies inside the given output shape (TRANSPOSE_CONV of TFLite).
 */
import { ModelError, ShapeError } from "../errors.ts";
import { f32, type Rounding } from "../quantization/index.ts";
import { allocateTensor, elementCount, type Tensor, type TensorType } from "../tensor/index.ts";
import { clampFloat, floatActivationRange } from "./activation-range.ts";
import {
  checkActivation,
  checkCounts,
  checkExtents,
  checkFormat,
  checkImages,
  isQuantized8,
  outputType,
  requireInput,
} from "./checks.ts";
import { checkFloatConv, checkQuantizedConv } from "./conv-checks.ts";
import {
  convQuantization,
  correctedCodes,
  correctedWeights,
  requantize,
} from "./conv-quantization.ts";
import type { Activation, Extent2D, Operator, Padding } from "./operator.ts";

export interface TransposeConvAttributes {
  readonly strides: Extent2D;
  readonly padding: Padding;
  /** [N, H, W, O] of the output. */
  readonly outputShape: readonly number[];
  readonly activation: Activation;
}

/** Geometry of x [N, H, W, C] with filters w [O, KH, KW, C]. */
export interface TransposeConvGeometry {
  readonly batch: number;
  readonly input: Extent2D;
  readonly output: Extent2D;
  readonly filter: Extent2D;
  readonly strides: Extent2D;
  /** Rows and columns of the full result that are cut off before the output. */
  readonly before: Extent2D;
  readonly inputChannels: number;
  readonly outputChannels: number;
}

/** Rows cut off before the output; `output` must be one that a convolution maps back to `input`. */
function cutLine(
  input: number,
  output: number,
  filter: number,
  stride: number,
  padding: "same" | "valid",
): number {
  const back =
    padding === "same" ? Math.ceil(output / stride) : Math.ceil((output - filter + 1) / stride);
  if (back !== input) {
    throw new ShapeError(
      `expected an output extent that filter ${filter} and stride ${stride} make of ${input} (${padding}), got ${output}`,
    );
  }
  if (padding === "valid") return 0;
  return Math.floor(Math.max((input - 1) * stride + filter - output, 0) / 2);
}

/**
 * @throws ShapeError output shape, filter, stride and input that contradict each other
 * @throws ModelError explicit padding, which TFLite does not have here
 */
export function transposeConvGeometry(
  x: TensorType,
  w: TensorType,
  { strides, padding, outputShape }: Omit<TransposeConvAttributes, "activation">,
): TransposeConvGeometry {
  checkImages(x, "input");
  checkImages(w, "filters");
  checkExtents(strides, "strides");
  if (padding !== "same" && padding !== "valid") {
    throw new ModelError(`expected padding SAME or VALID, got ${JSON.stringify(padding)}`);
  }
  const [batch, height, width, inputChannels] = x.shape as [number, number, number, number];
  const [outputChannels, kh, kw, depth] = w.shape as [number, number, number, number];
  elementCount(outputShape);
  if (
    outputShape.length !== 4 ||
    outputShape[0] !== batch ||
    outputShape[3] !== outputChannels ||
    depth !== inputChannels
  ) {
    throw new ShapeError(
      `expected output shape [${batch}, H, W, ${outputChannels}] and filters of ${inputChannels} channels, got [${outputShape.join(", ")}] and ${depth}`,
    );
  }
  const output: Extent2D = [outputShape[1]!, outputShape[2]!];
  return {
    batch,
    input: [height, width],
    output,
    filter: [kh, kw],
    strides,
    before: [
      cutLine(height, output[0], kh, strides[0], padding),
      cutLine(width, output[1], kw, strides[1], padding),
    ],
    inputChannels,
    outputChannels,
  };
}

export const transposeConv: Operator<TransposeConvAttributes> = {
  name: "TransposeConv",

  infer(inputs, attributes, declared, constants) {
    checkCounts(inputs, [2, 3], declared);
    const x = requireInput(inputs, 0, "an input");
    const w = requireInput(inputs, 1, "filters");
    const bias = inputs[2];
    const y = declared[0]!;
    checkFormat(x, ["float32", "int8", "uint8"], "input");
    checkActivation(attributes.activation);
    const geometry = transposeConvGeometry(x, w, attributes);
    const channels = geometry.outputChannels;
    if (isQuantized8(x.format)) {
      checkQuantizedConv({
        x,
        w,
        bias,
        y,
        constantWeights: constants[1],
        constantBias: constants[2],
        channels,
        channelAxis: 0,
        channelStride: elementCount(w.shape) / channels,
        activation: attributes.activation,
      });
    } else {
      checkFloatConv(w, bias, y, channels);
    }
    return [outputType(y, attributes.outputShape)];
  },

  reference(inputs, attributes, { outputs, rounding }) {
    const [x, w, bias] = inputs as [Tensor, Tensor, Tensor | undefined];
    const y = allocateTensor(outputs[0]!);
    const geometry = transposeConvGeometry(x.type, w.type, attributes);
    if (isQuantized8(x.type.format)) {
      scatterCodes(x, w, bias, y, geometry, attributes.activation, rounding);
    } else {
      scatterFloats(x, w, bias, y, geometry, attributes.activation);
    }
    return [y];
  },

  macs(inputs) {
    const w = inputs[1]!.shape;
    return elementCount(inputs[0]!.shape) * w[0]! * w[1]! * w[2]!;
  },
};

function scatterCodes(
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  geometry: TransposeConvGeometry,
  activation: Activation,
  rounding: Rounding,
): void {
  const { outputChannels, inputChannels, filter } = geometry;
  const constants = convQuantization(x.type, w.type, y.type, outputChannels, activation, rounding);
  const x1 = correctedCodes(x, constants.inputZeroPoint);
  const perFilter = filter[0] * filter[1] * inputChannels;
  const w1 = correctedWeights(w, constants.weightZeroPoints, perFilter);
  const biases = bias?.data as Int32Array | undefined;
  const sums = new Int32Array(y.data.length);
  eachTap(geometry, (from, to, tap) => {
    for (let o = 0; o < outputChannels; o++) {
      const weights = o * perFilter + tap * inputChannels;
      let sum = sums[to + o]!;
      for (let c = 0; c < inputChannels; c++) {
        sum = (sum + Math.imul(x1[from + c]!, w1[weights + c]!)) | 0;
      }
      sums[to + o] = sum;
    }
  });
  for (let i = 0; i < sums.length; i++) {
    const o = i % outputChannels;
    y.data[i] = requantize((sums[i]! + (biases?.[o] ?? 0)) | 0, o, constants.output);
  }
}

/**
 * Float32, one rounding per multiply and per add, starting from the bias, in the order (kh, kw, c) of
 * the taps that meet the input.
 */
function scatterFloats(
  x: Tensor,
  w: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
  geometry: TransposeConvGeometry,
  activation: Activation,
): void {
  const { outputChannels, inputChannels, filter } = geometry;
  const data = x.data as Float32Array;
  const weights = w.data as Float32Array;
  const sums = y.data as Float32Array;
  const biases = bias?.data as Float32Array | undefined;
  const perFilter = filter[0] * filter[1] * inputChannels;
  for (let i = 0; i < sums.length; i++) sums[i] = biases?.[i % outputChannels] ?? 0;
  eachTap(geometry, (from, to, tap) => {
    for (let o = 0; o < outputChannels; o++) {
      const first = o * perFilter + tap * inputChannels;
      let sum = sums[to + o]!;
      for (let c = 0; c < inputChannels; c++) {
        sum = f32(sum + f32(data[from + c]! * weights[first + c]!));
      }
      sums[to + o] = sum;
    }
  });
  const range = floatActivationRange(activation);
  for (let i = 0; i < sums.length; i++) sums[i] = clampFloat(sums[i]!, range);
}

/**
 * Visits every pair of an input position and an output position that a tap joins: taps in the outer
 * loop, so that each output meets its taps in the order (kh, kw).
 */
function eachTap(
  g: TransposeConvGeometry,
  visit: (from: number, to: number, tap: number) => void,
): void {
  const [height, width] = g.input;
  for (let n = 0; n < g.batch; n++) {
    for (let kh = 0; kh < g.filter[0]; kh++) {
      for (let kw = 0; kw < g.filter[1]; kw++) {
        for (let iy = 0; iy < height; iy++) {
          const oy = iy * g.strides[0] - g.before[0] + kh;
          if (oy < 0 || oy >= g.output[0]) continue;
          for (let ix = 0; ix < width; ix++) {
            const ox = ix * g.strides[1] - g.before[1] + kw;
            if (ox < 0 || ox >= g.output[1]) continue;
            visit(
              ((n * height + iy) * width + ix) * g.inputChannels,
              ((n * g.output[0] + oy) * g.output[1] + ox) * g.outputChannels,
              kh * g.filter[1] + kw,
            );
          }
        }
      }
    }
  }
}
