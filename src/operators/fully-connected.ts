/**
 * FullyConnected: y[m, n] = activation(bias[n] + Σ_k x[m, k] · w[n, k]), x seen as rows of K values
 * (FULLY_CONNECTED of TFLite; docs/exactness.md, sections 3.1 and 3.3).
 */
import { ShapeError } from "../errors.ts";
import { allocateTensor, elementCount, type Tensor } from "../tensor/index.ts";
import { describe } from "./checks.ts";
import type { ConvGeometry } from "./conv-geometry.ts";
import { fullyConnectedQuantization, type OutputAttributes } from "./conv-quantization.ts";
import { checkLayer, layerOperands } from "./layer-checks.ts";
import { computeLayer } from "./layer.ts";
import { fullyConnectedGeometry, type MatrixGeometry } from "./matrix-geometry.ts";
import type { Operator } from "./operator.ts";

export interface FullyConnectedAttributes extends OutputAttributes {
  /** The output keeps the leading extents of the input; its last extent must then be K. */
  readonly keepDims: boolean;
}

export const fullyConnected: Operator<FullyConnectedAttributes> = {
  name: "FullyConnected",

  infer(inputs, attributes, declared, constants) {
    const operands = layerOperands(inputs, attributes, declared);
    const { x, w } = operands;
    const geometry = fullyConnectedGeometry(x, w);
    const { rows, columns, depth } = geometry;
    if (attributes.keepDims && x.shape.at(-1) !== depth) {
      throw new ShapeError(`expected an input whose last extent is ${depth}, got ${describe(x)}`);
    }
    const leading = attributes.keepDims ? x.shape.slice(0, -1) : [rows];
    const shape = [...leading, columns];
    return [checkLayer(operands, attributes, constants, asConvolution(geometry), shape)];
  },

  reference(inputs, attributes, { outputs, rounding }) {
    const [x, w, bias] = inputs as [Tensor, Tensor, Tensor | undefined];
    const y = allocateTensor(outputs[0]!);
    const geometry = asConvolution(fullyConnectedGeometry(x.type, w.type));
    const quantization = () =>
      fullyConnectedQuantization(x.type, w.type, y.type, attributes, rounding);
    computeLayer({ x, w, bias, y, geometry, attributes, rounding, quantization });
    return [y];
  },

  macs(inputs, outputs) {
    return elementCount(outputs[0]!.shape) * inputs[1]!.shape[1]!;
  },
};

/** Rows as images of one pixel. */
function asConvolution({ rows, columns, depth }: MatrixGeometry): ConvGeometry {
  return {
    batch: rows,
    input: [1, 1],
    output: [1, 1],
    filter: [1, 1],
    strides: [1, 1],
    dilations: [1, 1],
    border: { top: 0, bottom: 0, left: 0, right: 0 },
    inputChannels: depth,
    outputChannels: columns,
    groups: 1,
    depth,
  };
}
