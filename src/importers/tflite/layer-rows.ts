/** Rows of the operators with windows or weights. */
import { ModelError, UnsupportedError } from "../../errors.ts";
import * as op from "../../operators/index.ts";
import { tensorTypeName } from "./node-reader.ts";
import * as o from "./options.ts";
import { type Fields, type NodeParts, NEEDS, type NamedRow, parts, row } from "./row.ts";

const WITH_BIAS = { needsOptions: true, optionalFrom: 2 } as const;

export const layerRows: readonly NamedRow[] = [
  ["CONV_2D", row([2, 3], o.conv2DOptions, (n) => parts(n, op.conv2D, convolution(n)), WITH_BIAS)],
  [
    "DEPTHWISE_CONV_2D",
    row(
      [2, 3],
      o.depthwiseConv2DOptions,
      (n) =>
        // depth_multiplier is redundant: the shapes win, as in TFLite.
        parts(n, op.depthwiseConv2D, {
          strides: n.strides(),
          dilations: n.dilations(),
          padding: n.padding(),
          activation: n.activation(),
        }),
      WITH_BIAS,
    ),
  ],
  [
    "TRANSPOSE_CONV",
    row(
      [3, 4],
      o.transposeConvOptions,
      (n) => {
        checkBiasType(n.code("quantized_bias_type"));
        const attributes = {
          strides: n.strides(),
          padding: n.padding(),
          outputShape: n.integers(0, "output_shape"),
          activation: n.activation(),
        };
        // In the file: output_shape, weights, input, bias.
        return parts(n, op.transposeConv, attributes, n.inputs.length > 3 ? [2, 1, 3] : [2, 1]);
      },
      { needsOptions: true, optionalFrom: 3 },
    ),
  ],
  ["FULLY_CONNECTED", row([2, 3], o.fullyConnectedOptions, fullyConnected, { optionalFrom: 2 })],
  [
    "AVERAGE_POOL_2D",
    row(1, o.pool2DOptions, (n) => parts(n, op.averagePool2D, pooling(n)), NEEDS),
  ],
  ["MAX_POOL_2D", row(1, o.pool2DOptions, (n) => parts(n, op.maxPool2D, pooling(n)), NEEDS)],
];

function convolution(n: Fields<typeof o.conv2DOptions>) {
  checkBiasType(n.code("quantized_bias_type"));
  return {
    strides: n.strides(),
    dilations: n.dilations(),
    padding: n.padding(),
    activation: n.activation(),
  };
}

/** The accumulators are int32: 0 (not stated), INT32, or the FLOAT32 that 0 also means. */
function checkBiasType(code: number): void {
  if (code !== 0 && tensorTypeName(code) !== "INT32") {
    throw new UnsupportedError(`accumulators of type ${tensorTypeName(code)}`);
  }
}

function fullyConnected(n: Fields<typeof o.fullyConnectedOptions>): NodeParts {
  checkBiasType(n.code("quantized_bias_type"));
  const format = n.code("weights_format");
  if (format === 1) throw new UnsupportedError("weights format SHUFFLED4x16INT8");
  if (format !== 0) throw new ModelError(`weights_format: expected 0 or 1, got ${format}`);
  const hybrid = n.inputs[0]?.value.type.format !== n.inputs[1]?.value.type.format;
  if (hybrid && n.bool("asymmetric_quantize_inputs")) {
    throw new UnsupportedError("asymmetric quantization of float inputs at run time");
  }
  return parts(n, op.fullyConnected, {
    activation: n.activation(),
    keepDims: n.bool("keep_num_dims"),
  });
}

function pooling(n: Fields<typeof o.pool2DOptions>) {
  return {
    filter: [n.int32("filter_height"), n.int32("filter_width")] as const,
    strides: n.strides(),
    padding: n.padding(),
    activation: n.activation(),
  };
}
