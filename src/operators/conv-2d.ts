/**
 * Conv2D: y[n, oy, ox, o] = activation(bias[o] + Σ x[n, oy·s − p + kh·d, ox·s − p + kw·d, c] · w[o, kh, kw, c]),
 * groups of channels included (CONV_2D of TFLite; docs/exactness.md, sections 3 and 4).
 */
import { allocateTensor, elementCount, type Tensor } from "../tensor/index.ts";
import { type Conv2DAttributes, convGeometry } from "./conv-geometry.ts";
import { conv2DQuantization } from "./conv-quantization.ts";
import { checkLayer, layerOperands } from "./layer-checks.ts";
import { computeLayer } from "./layer.ts";
import type { Operator } from "./operator.ts";

export const conv2D: Operator<Conv2DAttributes> = {
  name: "Conv2D",

  infer(inputs, attributes, declared, constants) {
    const operands = layerOperands(inputs, attributes, declared);
    const geometry = convGeometry(operands.x, operands.w, attributes);
    const shape = [geometry.batch, ...geometry.output, geometry.outputChannels];
    return [checkLayer(operands, attributes, constants, geometry, shape)];
  },

  reference(inputs, attributes, { outputs, rounding }) {
    const [x, w, bias] = inputs as [Tensor, Tensor, Tensor | undefined];
    const y = allocateTensor(outputs[0]!);
    const geometry = convGeometry(x.type, w.type, attributes);
    const quantization = () => conv2DQuantization(x.type, w.type, y.type, attributes, rounding);
    computeLayer({ x, w, bias, y, geometry, attributes, rounding, quantization });
    return [y];
  },

  macs(inputs, outputs) {
    const w = inputs[1]!.shape;
    return elementCount(outputs[0]!.shape) * w[1]! * w[2]! * w[3]!;
  },
};
