/** The option tables of the operators that this importer knows: their union codes and fields. */

/** One member of union BuiltinOptions. */
export interface OptionsTable<F extends string = string> {
  /** As in the schema: "Conv2DOptions". */
  readonly name: string;
  /** Its code in the union. */
  readonly code: number;
  /** Fields by number, as the schema names them. */
  readonly fields: readonly F[];
}

function options<const F extends readonly string[]>(
  name: string,
  code: number,
  ...fields: F
): OptionsTable<F[number]> {
  return { name: `${name}Options`, code, fields };
}

const ACTIVATION = "fused_activation_function";

export const conv2DOptions = options(
  "Conv2D",
  1,
  "padding",
  "stride_w",
  "stride_h",
  ACTIVATION,
  "dilation_w_factor",
  "dilation_h_factor",
  "quantized_bias_type",
);
export const depthwiseConv2DOptions = options(
  "DepthwiseConv2D",
  2,
  "padding",
  "stride_w",
  "stride_h",
  "depth_multiplier",
  ACTIVATION,
  "dilation_w_factor",
  "dilation_h_factor",
);
export const pool2DOptions = options(
  "Pool2D",
  5,
  "padding",
  "stride_w",
  "stride_h",
  "filter_width",
  "filter_height",
  ACTIVATION,
);
export const fullyConnectedOptions = options(
  "FullyConnected",
  8,
  ACTIVATION,
  "weights_format",
  "keep_num_dims",
  "asymmetric_quantize_inputs",
  "quantized_bias_type",
);
export const softmaxOptions = options("Softmax", 9, "beta");
export const concatenationOptions = options("Concatenation", 10, "axis", ACTIVATION);
export const addOptions = options("Add", 11, ACTIVATION, "pot_scale_int16");
export const resizeBilinearOptions = options(
  "ResizeBilinear",
  15,
  "new_height",
  "new_width",
  "align_corners",
  "half_pixel_centers",
);
export const reshapeOptions = options("Reshape", 17, "new_shape");
export const spaceToDepthOptions = options("SpaceToDepth", 19, "block_size");
export const mulOptions = options("Mul", 21, ACTIVATION);
export const padOptions = options("Pad", 22);
export const gatherOptions = options("Gather", 23, "axis", "batch_dims");
export const transposeOptions = options("Transpose", 26);
export const reducerOptions = options("Reducer", 27, "keep_dims");
export const subOptions = options("Sub", 28, ACTIVATION, "pot_scale_int16");
export const divOptions = options("Div", 29, ACTIVATION);
export const squeezeOptions = options("Squeeze", 30, "squeeze_dims");
export const stridedSliceOptions = options(
  "StridedSlice",
  32,
  "begin_mask",
  "end_mask",
  "ellipsis_mask",
  "new_axis_mask",
  "shrink_axis_mask",
  "offset",
);
export const splitOptions = options("Split", 35, "num_splits");
export const castOptions = options("Cast", 37, "in_data_type", "out_data_type");
export const dequantizeOptions = options("Dequantize", 38);
export const maximumMinimumOptions = options("MaximumMinimum", 39);
export const argMaxOptions = options("ArgMax", 40, "output_type");
export const padV2Options = options("PadV2", 43);
export const sliceOptions = options("Slice", 48);
export const transposeConvOptions = options(
  "TransposeConv",
  49,
  "padding",
  "stride_w",
  "stride_h",
  ACTIVATION,
  "quantized_bias_type",
);
export const expandDimsOptions = options("ExpandDims", 52);
export const packOptions = options("Pack", 59, "values_count", "axis");
export const unpackOptions = options("Unpack", 64, "num", "axis");
export const floorDivOptions = options("FloorDiv", 65);
export const resizeNearestNeighborOptions = options(
  "ResizeNearestNeighbor",
  74,
  "align_corners",
  "half_pixel_centers",
);
export const leakyReluOptions = options("LeakyRelu", 75, "alpha");
export const gatherNdOptions = options("GatherNd", 83);
export const quantizeOptions = options("Quantize", 89);
export const hardSwishOptions = options("HardSwish", 91);
export const depthToSpaceOptions = options("DepthToSpace", 94, "block_size");
export const geluOptions = options("Gelu", 116, "approximate");

/** Operators that run other subgraphs, and where their options name them. */
export const SUBGRAPH_CALLS: ReadonlyMap<string, OptionsTable> = new Map<string, OptionsTable>([
  ["CALL", options("Call", 16, "subgraph")],
  ["IF", options("If", 92, "then_subgraph_index", "else_subgraph_index")],
  ["WHILE", options("While", 93, "cond_subgraph_index", "body_subgraph_index")],
  ["CALL_ONCE", options("CallOnce", 103, "init_subgraph_index")],
]);
