/**
 * Conv2D: y[n, oy, ox, o] = activation(bias[o] + Σ x[n, oy·s − p + kh·d, ox·s − p + kw·d, c] · w[o, kh, kw, c]),
 * groups of channels included (CONV_2D of TFLite; docs/exactness.md, sections 3 and 4).
 */
import { isMinifloat } from "../formats/index.ts";
import { allocateTensor, elementCount, type Tensor } from "../tensor/index.ts";
import {
  CODE_FORMATS,
  checkActivation,
  checkCounts,
  checkFormat,
  isCode,
  outputType,
  requireInput,
} from "./checks.ts";
import { checkFloatConv, checkQuantizedConv } from "./conv-checks.ts";
import { type Conv2DAttributes, convGeometry } from "./conv-geometry.ts";
import { convolveCodes, convolveDynamically, convolveFloats } from "./conv-loops.ts";
import { checkMinifloatLayer, isMinifloatLayer } from "./minifloat-layers.ts";
import { convolveMinifloats } from "./minifloat-loops.ts";
import { checkDynamicRange, isDynamicRange } from "./dynamic-range.ts";
import type { Operator } from "./operator.ts";

export const conv2D: Operator<Conv2DAttributes> = {
  name: "Conv2D",

  infer(inputs, attributes, declared, constants) {
    checkCounts(inputs, [2, 3], declared);
    const x = requireInput(inputs, 0, "an input");
    const w = requireInput(inputs, 1, "filters");
    const bias = inputs[2];
    const y = declared[0]!;
    if (!isMinifloat(x.format)) checkFormat(x, ["float32", ...CODE_FORMATS], "input");
    checkActivation(attributes.activation);
    const geometry = convGeometry(x, w, attributes);
    const channels = geometry.outputChannels;
    if (isMinifloatLayer(x, w)) {
      checkMinifloatLayer({
        ...{ x, w, bias, y, channels, channelAxis: 0, depth: geometry.depth, attributes },
        sums: geometry.batch * geometry.output[0] * geometry.output[1] * channels,
      });
    } else if (isCode(x.format)) {
      checkQuantizedConv({
        x,
        w,
        bias,
        y,
        constantWeights: constants[1],
        constantBias: constants[2],
        channels,
        channelAxis: 0,
        channelStride: geometry.depth,
        activation: attributes.activation,
        allowsBlocks: true,
      });
    } else if (isDynamicRange(x, w)) {
      checkDynamicRange(w, bias, y, channels, geometry.depth, constants[1]);
    } else {
      checkFloatConv(w, bias, y, channels);
    }
    return [outputType(y, [geometry.batch, ...geometry.output, channels])];
  },

  reference(inputs, attributes, { outputs, rounding }) {
    const [x, w] = inputs as [Tensor, Tensor];
    const y = allocateTensor(outputs[0]!);
    const geometry = convGeometry(x.type, w.type, attributes);
    if (isMinifloatLayer(x.type, w.type)) {
      convolveMinifloats(x, w, inputs[2], y, geometry, attributes);
    } else if (isCode(x.type.format)) {
      convolveCodes(x, w, inputs[2], y, geometry, attributes, rounding);
    } else if (isDynamicRange(x.type, w.type)) {
      convolveDynamically(x, w, inputs[2], y, geometry, attributes.activation, rounding);
    } else {
      convolveFloats(
        x.data as Float32Array,
        w.data as Float32Array,
        inputs[2]?.data as Float32Array | undefined,
        y.data as Float32Array,
        geometry,
        attributes.activation,
      );
    }
    return [y];
  },

  macs(inputs, outputs) {
    const w = inputs[1]!.shape;
    return elementCount(outputs[0]!.shape) * w[1]! * w[2]! * w[3]!;
  },
};
