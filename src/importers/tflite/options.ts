/** The option tables of the operators that this importer knows: their union codes and fields. */

/** One member of union BuiltinOptions. */
export interface OptionsTable<F extends string = string> {
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
  return { name, code, fields };
}

const ACTIVATION = "fused_activation_function";

export const conv2DOptions = options(
  "Conv2DOptions",
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
  "DepthwiseConv2DOptions",
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
  "Pool2DOptions",
  5,
  "padding",
  "stride_w",
  "stride_h",
  "filter_width",
  "filter_height",
  ACTIVATION,
);
export const fullyConnectedOptions = options(
  "FullyConnectedOptions",
  8,
  ACTIVATION,
  "weights_format",
  "keep_num_dims",
  "asymmetric_quantize_inputs",
  "quantized_bias_type",
);
export const softmaxOptions = options("SoftmaxOptions", 9, "beta");
export const concatenationOptions = options("ConcatenationOptions", 10, "axis", ACTIVATION);
export const addOptions = options("AddOptions", 11, ACTIVATION, "pot_scale_int16");
export const resizeBilinearOptions = options(
  "ResizeBilinearOptions",
  15,
  "new_height",
  "new_width",
  "align_corners",
  "half_pixel_centers",
);
export const reshapeOptions = options("ReshapeOptions", 17, "new_shape");
export const spaceToDepthOptions = options("SpaceToDepthOptions", 19, "block_size");
export const mulOptions = options("MulOptions", 21, ACTIVATION);
export const padOptions = options("PadOptions", 22);
export const gatherOptions = options("GatherOptions", 23, "axis", "batch_dims");
export const transposeOptions = options("TransposeOptions", 26);
export const reducerOptions = options("ReducerOptions", 27, "keep_dims");
export const subOptions = options("SubOptions", 28, ACTIVATION, "pot_scale_int16");
export const divOptions = options("DivOptions", 29, ACTIVATION);
export const squeezeOptions = options("SqueezeOptions", 30, "squeeze_dims");
export const stridedSliceOptions = options(
  "StridedSliceOptions",
  32,
  "begin_mask",
  "end_mask",
  "ellipsis_mask",
  "new_axis_mask",
  "shrink_axis_mask",
  "offset",
);
export const splitOptions = options("SplitOptions", 35, "num_splits");
export const castOptions = options("CastOptions", 37, "in_data_type", "out_data_type");
export const dequantizeOptions = options("DequantizeOptions", 38);
export const maximumMinimumOptions = options("MaximumMinimumOptions", 39);
export const argMaxOptions = options("ArgMaxOptions", 40, "output_type");
export const padV2Options = options("PadV2Options", 43);
export const sliceOptions = options("SliceOptions", 48);
export const transposeConvOptions = options(
  "TransposeConvOptions",
  49,
  "padding",
  "stride_w",
  "stride_h",
  ACTIVATION,
  "quantized_bias_type",
);
export const expandDimsOptions = options("ExpandDimsOptions", 52);
export const packOptions = options("PackOptions", 59, "values_count", "axis");
export const unpackOptions = options("UnpackOptions", 64, "num", "axis");
export const floorDivOptions = options("FloorDivOptions", 65);
export const resizeNearestNeighborOptions = options(
  "ResizeNearestNeighborOptions",
  74,
  "align_corners",
  "half_pixel_centers",
);
export const leakyReluOptions = options("LeakyReluOptions", 75, "alpha");
export const gatherNdOptions = options("GatherNdOptions", 83);
export const quantizeOptions = options("QuantizeOptions", 89);
export const hardSwishOptions = options("HardSwishOptions", 91);
export const depthToSpaceOptions = options("DepthToSpaceOptions", 94, "block_size");
export const geluOptions = options("GeluOptions", 116, "approximate");

/** Operators that run other subgraphs, and where their options name them. */
export const SUBGRAPH_CALLS: ReadonlyMap<string, OptionsTable> = new Map<string, OptionsTable>([
  ["CALL", options("CallOptions", 16, "subgraph")],
  ["IF", options("IfOptions", 92, "then_subgraph_index", "else_subgraph_index")],
  ["WHILE", options("WhileOptions", 93, "cond_subgraph_index", "body_subgraph_index")],
  ["CALL_ONCE", options("CallOnceOptions", 103, "init_subgraph_index")],
]);
