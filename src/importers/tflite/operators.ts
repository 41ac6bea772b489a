/** One row per builtin operator: TFLite's name, its options, and the operator of bitlane it becomes. */
import { ModelError, UnsupportedError } from "../../errors.ts";
import * as op from "../../operators/index.ts";
import { type NodeReader, tensorTypeName } from "./node-reader.ts";
import * as o from "./options.ts";
import type { OptionsTable } from "./options.ts";
import { type NodeParts, parts, plain, row, type Row } from "./row.ts";
import type { TensorRecord } from "./tensors.ts";

const NEEDS = { needsOptions: true } as const;
const WITH_BIAS = { needsOptions: true, optionalFrom: 2 } as const;

export const ROWS: ReadonlyMap<string, Row> = new Map<string, Row>([
  ["ADD", row(2, o.addOptions, (n) => parts(n, op.add, { activation: n.activation() }))],
  ["SUB", row(2, o.subOptions, (n) => parts(n, op.sub, { activation: n.activation() }))],
  ["MUL", row(2, o.mulOptions, (n) => parts(n, op.mul, { activation: n.activation() }))],
  ["DIV", row(2, o.divOptions, (n) => parts(n, op.div, { activation: n.activation() }))],
  ["FLOOR_DIV", plain(2, op.floorDiv, o.floorDivOptions)],
  ["MAXIMUM", plain(2, op.maximum, o.maximumMinimumOptions)],
  ["MINIMUM", plain(2, op.minimum, o.maximumMinimumOptions)],
  ["SQRT", plain(1, op.sqrt)],
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
  ["MEAN", row(2, o.reducerOptions, (n) => parts(n, op.mean, reduction(n), [0]))],
  ["SUM", row(2, o.reducerOptions, (n) => parts(n, op.sum, reduction(n), [0]))],
  [
    "CONCATENATION",
    row([1, Infinity], o.concatenationOptions, (n) =>
      parts(n, op.concatenation, { axis: n.int32("axis"), activation: n.activation() }),
    ),
  ],
  ["PAD", row(2, o.padOptions, (n) => parts(n, op.pad, { paddings: n.pairs(1, "paddings") }, [0]))],
  [
    "PADV2",
    row(3, o.padV2Options, (n) => parts(n, op.pad, { paddings: n.pairs(1, "paddings") }, [0, 2])),
  ],
  [
    "RESHAPE",
    row([1, 2], o.reshapeOptions, (n) => parts(n, op.reshape, { shape: newShape(n) }, [0]), {
      optionalFrom: 1,
      takesOpaque: true,
    }),
  ],
  [
    "SQUEEZE",
    row(1, o.squeezeOptions, (n) => parts(n, op.squeeze, { axes: n.int32s("squeeze_dims") ?? [] })),
  ],
  [
    "EXPAND_DIMS",
    row(2, o.expandDimsOptions, (n) =>
      parts(n, op.expandDims, { axis: n.integer(1, "axis") }, [0]),
    ),
  ],
  [
    "TRANSPOSE",
    row(2, o.transposeOptions, (n) =>
      parts(n, op.transpose, { permutation: n.integers(1, "the permutation") }, [0]),
    ),
  ],
  [
    "SLICE",
    row(
      3,
      o.sliceOptions,
      (n) =>
        parts(n, op.slice, { begin: n.integers(1, "begin"), size: n.integers(2, "size") }, [0]),
      { takesOpaque: true },
    ),
  ],
  ["STRIDED_SLICE", row(4, o.stridedSliceOptions, stridedSlice, { takesOpaque: true })],
  [
    "SPLIT",
    row(
      2,
      o.splitOptions,
      (n) => {
        const splits = checkListed(
          n.int32("num_splits"),
          n.outputs.length,
          "num_splits",
          "outputs",
        );
        // In the file: axis, input.
        return parts(n, op.split, { axis: n.integer(0, "axis"), parts: splits }, [1]);
      },
      { needsOptions: true, outputs: [1, Infinity] },
    ),
  ],
  [
    "PACK",
    row(
      [1, Infinity],
      o.packOptions,
      (n) => {
        checkListed(n.int32("values_count"), n.inputs.length, "values_count", "inputs");
        return parts(n, op.pack, { axis: n.int32("axis") });
      },
      NEEDS,
    ),
  ],
  [
    "UNPACK",
    row(
      1,
      o.unpackOptions,
      (n) => {
        const count = checkListed(n.int32("num"), n.outputs.length, "num", "outputs");
        return parts(n, op.unpack, { axis: n.int32("axis"), parts: count });
      },
      { needsOptions: true, outputs: [0, Infinity] },
    ),
  ],
  [
    "GATHER",
    row(
      2,
      o.gatherOptions,
      (n) => parts(n, op.gather, { axis: n.int32("axis"), batchDims: n.int32("batch_dims") }),
      { takesOpaque: true },
    ),
  ],
  ["GATHER_ND", plain(2, op.gatherNd, o.gatherNdOptions, { takesOpaque: true })],
  [
    "RESIZE_BILINEAR",
    row(2, o.resizeBilinearOptions, (n) => parts(n, op.resizeBilinear, resizing(n), [0])),
  ],
  [
    "RESIZE_NEAREST_NEIGHBOR",
    row(2, o.resizeNearestNeighborOptions, (n) =>
      parts(n, op.resizeNearestNeighbor, resizing(n), [0]),
    ),
  ],
  [
    "SOFTMAX",
    row(1, o.softmaxOptions, (n) => parts(n, op.softmax, { beta: n.float32("beta") }), NEEDS),
  ],
  ["LOGISTIC", plain(1, op.logistic)],
  ["TANH", plain(1, op.tanh)],
  ["HARD_SWISH", plain(1, op.hardSwish, o.hardSwishOptions)],
  ["RELU", plain(1, op.relu)],
  ["RELU6", plain(1, op.relu6)],
  ["RELU_N1_TO_1", plain(1, op.reluN1To1)],
  [
    "LEAKY_RELU",
    row(1, o.leakyReluOptions, (n) => parts(n, op.leakyRelu, { alpha: n.float32("alpha") }), NEEDS),
  ],
  ["PRELU", plain(2, op.prelu)],
  ["ELU", plain(1, op.elu)],
  ["GELU", row(1, o.geluOptions, (n) => parts(n, op.gelu, { approximate: n.bool("approximate") }))],
  ["QUANTIZE", row(1, o.quantizeOptions, (n) => encodes(n, true) ?? parts(n, op.quantize, {}))],
  [
    "DEQUANTIZE",
    row(1, o.dequantizeOptions, (n) => encodes(n, true) ?? parts(n, op.dequantize, {})),
  ],
  // The types of the tensors win over those of the options, as in TFLite.
  ["CAST", row(1, o.castOptions, (n) => encodes(n, false) ?? parts(n, op.cast, {}))],
  ["ARG_MAX", row(2, o.argMaxOptions, argMax, NEEDS)],
  [
    "SPACE_TO_DEPTH",
    row(
      1,
      o.spaceToDepthOptions,
      (n) => parts(n, op.spaceToDepth, { blockSize: n.int32("block_size") }),
      NEEDS,
    ),
  ],
  [
    "DEPTH_TO_SPACE",
    row(
      1,
      o.depthToSpaceOptions,
      (n) => parts(n, op.depthToSpace, { blockSize: n.int32("block_size") }),
      NEEDS,
    ),
  ],
]);

type Fields<T> = T extends OptionsTable<infer F> ? NodeReader<F> : never;

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

function reduction(n: Fields<typeof o.reducerOptions>) {
  return { axes: n.integers(1, "axes"), keepDims: n.bool("keep_dims") };
}

function resizing(n: NodeReader<"align_corners" | "half_pixel_centers">) {
  const size = n.integers(1, "size");
  if (size.length !== 2) throw new ModelError(`expected a size of 2 numbers, got ${size.length}`);
  return {
    size: [size[0]!, size[1]!] as const,
    alignCorners: n.bool("align_corners"),
    halfPixelCenters: n.bool("half_pixel_centers"),
  };
}

/** The shape is input 1, or an option of older files, where [0] stood for a scalar. */
function newShape(n: Fields<typeof o.reshapeOptions>): number[] {
  if (n.inputs[1] !== undefined) return n.integers(1, "the new shape");
  const shape = n.int32s("new_shape");
  if (shape === undefined)
    throw new ModelError("expected a new shape as input 1 or option, got none");
  return shape.length === 1 && shape[0] === 0 ? [] : shape;
}

function stridedSlice(n: Fields<typeof o.stridedSliceOptions>): NodeParts {
  if (n.bool("offset")) throw new UnsupportedError("an end that counts from begin");
  return parts(
    n,
    op.stridedSlice,
    {
      begin: n.integers(1, "begin"),
      end: n.integers(2, "end"),
      strides: n.integers(3, "strides"),
      beginMask: n.int32("begin_mask"),
      endMask: n.int32("end_mask"),
      ellipsisMask: n.int32("ellipsis_mask"),
      newAxisMask: n.int32("new_axis_mask"),
      shrinkAxisMask: n.int32("shrink_axis_mask"),
    },
    [0],
  );
}

function argMax(n: Fields<typeof o.argMaxOptions>): NodeParts {
  const stated = tensorTypeName(n.code("output_type"));
  const declared = n.outputs[0]!.typeName;
  if (stated !== declared) {
    throw new ModelError(`output_type: expected ${declared} as the output, got ${stated}`);
  }
  return parts(n, op.argMax, { axis: n.integer(1, "axis") }, [0]);
}

/** A count that the options state and the lists of the operator repeat. */
function checkListed(stated: number, listed: number, option: string, what: string): number {
  if (stated !== listed) {
    throw new ModelError(`${option}: expected ${listed} as there are ${what}, got ${stated}`);
  }
  return stated;
}

/** Between FLOAT8 and float32; undefined: neither side is FLOAT8. */
function encodes(node: NodeReader<never>, saturates: boolean): NodeParts | undefined {
  const isFloat8 = (record: TensorRecord | undefined): boolean =>
    record !== undefined && record.value.type.format.name.startsWith("float8_");
  if (isFloat8(node.outputs[0])) return parts(node, op.encodeMinifloat, { saturates });
  return isFloat8(node.inputs[0]) ? parts(node, op.decodeMinifloat, {}) : undefined;
}
