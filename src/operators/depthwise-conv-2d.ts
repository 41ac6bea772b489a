/**
 * DepthwiseConv2D: y[…, c] = activation(bias[c] + Σ x[…, ⌊c / multiplier⌋] · w[0, kh, kw, c]); the
 * multiplier follows from the shapes (DEPTHWISE_CONV_2D of TFLite; docs/exactness.md, sections 3 and 4).
 */
import { allocateTensor, elementCount, type Tensor } from "../tensor/index.ts";
import type { ConvGeometry } from "./conv-geometry.ts";
import { convQuantization } from "./conv-quantization.ts";
import {
  type DepthwiseConv2DAttributes,
  type DepthwiseGeometry,
  depthwiseGeometry,
} from "./depthwise-geometry.ts";
import { checkLayer, layerOperands } from "./layer-checks.ts";
import { computeLayer } from "./layer.ts";
import type { Operator } from "./operator.ts";

/** The axis of channels in the weights. */
const CHANNEL_AXIS = 3;

export const depthwiseConv2D: Operator<DepthwiseConv2DAttributes> = {
  name: "DepthwiseConv2D",

  infer(inputs, attributes, declared, constants) {
    const operands = layerOperands(inputs, attributes, declared, ["int8", "uint8"]);
    const geometry = inGroups(depthwiseGeometry(operands.x, operands.w, attributes));
    const shape = [geometry.batch, ...geometry.output, geometry.outputChannels];
    return [checkLayer(operands, attributes, constants, geometry, shape, CHANNEL_AXIS)];
  },

  reference(inputs, attributes, { outputs, rounding }) {
    const [x, w, bias] = inputs as [Tensor, Tensor, Tensor | undefined];
    const y = allocateTensor(outputs[0]!);
    const geometry = inGroups(depthwiseGeometry(x.type, w.type, attributes));
    const { activation } = attributes;
    const quantization = () =>
      convQuantization(x.type, w.type, y.type, geometry.outputChannels, activation, rounding);
    computeLayer({
      ...{ x, w, bias, y, geometry, attributes, rounding, quantization },
      isDepthwise: true,
    });
    return [y];
  },

  macs(inputs, outputs) {
    const w = inputs[1]!.shape;
    return elementCount(outputs[0]!.shape) * w[1]! * w[2]!;
  },
};

/** As a convolution with a group for each input channel. */
function inGroups(geometry: DepthwiseGeometry): ConvGeometry {
  const { inputChannels, filter } = geometry;
  return { ...geometry, groups: inputChannels, depth: filter[0] * filter[1] };
}
