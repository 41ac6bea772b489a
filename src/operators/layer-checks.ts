/** What `infer` asks of Conv2D, DepthwiseConv2D and FullyConnected, by the formats of their operands. */
import { isMinifloat } from "../formats/index.ts";
import type { Tensor, TensorType } from "../tensor/index.ts";
import {
  checkActivation,
  checkCounts,
  checkFormat,
  CODE_FORMATS,
  isCode,
  outputType,
  requireInput,
} from "./checks.ts";
import { checkFloatConv, checkQuantizedConv } from "./conv-checks.ts";
import type { ConvGeometry } from "./conv-geometry.ts";
import type { OutputAttributes } from "./conv-quantization.ts";
import { checkDynamicRange, isDynamicRange } from "./dynamic-range.ts";
import { checkMinifloatLayer, isMinifloatLayer } from "./minifloat-layers.ts";

export interface LayerOperands {
  readonly x: TensorType;
  readonly w: TensorType;
  readonly bias: TensorType | undefined;
  readonly y: TensorType;
}

/** The operands, of which formats and activation are checked. */
export function layerOperands(
  inputs: readonly (TensorType | undefined)[],
  { activation }: OutputAttributes,
  declared: readonly TensorType[],
  formats: readonly string[] = CODE_FORMATS,
): LayerOperands {
  checkCounts(inputs, [2, 3], declared);
  const x = requireInput(inputs, 0, "an input");
  const w = requireInput(inputs, 1, "weights");
  if (!isMinifloat(x.format)) checkFormat(x, ["float32", ...formats], "input");
  checkActivation(activation);
  return { x, w, bias: inputs[2], y: declared[0]! };
}

/**
 * @param geometry of the layer as a convolution in groups, as `layer.ts` computes it
 * @param channelAxis the axis of output channels in w: not 0 for depthwise layers, which have fewer forms
 * @returns the type of the output
 */
export function checkLayer(
  operands: LayerOperands,
  attributes: OutputAttributes,
  constants: readonly (Tensor | undefined)[],
  geometry: ConvGeometry,
  shape: readonly number[],
  channelAxis = 0,
): TensorType {
  const { x, w, bias, y } = operands;
  const { batch, output, outputChannels: channels, depth } = geometry;
  const isDepthwise = channelAxis !== 0;
  if (isMinifloatLayer(x, w)) {
    const sums = batch * output[0] * output[1] * channels;
    checkMinifloatLayer({ ...operands, attributes, channels, channelAxis, depth, sums });
  } else if (isCode(x.format)) {
    checkQuantizedConv({
      ...operands,
      constantWeights: constants[1],
      constantBias: constants[2],
      channels,
      channelAxis,
      channelStride: isDepthwise ? 1 : depth,
      activation: attributes.activation,
      allowsBlocks: !isDepthwise,
    });
  } else if (!isDepthwise && isDynamicRange(x, w)) {
    checkDynamicRange(w, bias, y, channels, depth, constants[1]);
  } else {
    checkFloatConv(w, bias, y, channels);
  }
  return outputType(y, shape);
}
