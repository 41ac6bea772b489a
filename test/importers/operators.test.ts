import { describe, expect, it } from "vitest";
import { importModel } from "../../src/importers/index.ts";
import { ROWS } from "../../src/importers/tflite/operators.ts";
import { bool, float32, int32, int32s, int8, type Part } from "./flatbuffer-writer.ts";
import { type TensorDescription, writeModel } from "./model-writer.ts";

const x: TensorDescription = { name: "x", shape: [1, 4, 4, 2] };
const constant = (values: readonly number[], shape = [values.length]): TensorDescription => ({
  shape,
  type: "INT32",
  data: Int32Array.from(values),
});
const scalar = (value: number) => constant([value], []);

/** An operator of the file and what it becomes. Inputs that are left are given by position. */
interface Case {
  readonly type: string;
  readonly inputs: readonly TensorDescription[];
  readonly options?: readonly [code: number, fields: Readonly<Record<number, Part>>];
  readonly outputs?: number;
  readonly outputType?: string;
  readonly becomes: string;
  readonly attributes?: object;
  readonly reads?: readonly number[];
}

const relu = { 0: int8(1) };
const window = { 0: int8(1), 1: int32(2), 2: int32(3) };
const plain = (type: string, becomes: string, count = 1): Case => ({
  type,
  inputs: new Array<TensorDescription>(count).fill(x),
  becomes,
});

const cases: readonly Case[] = [
  { ...plain("ADD", "Add", 2), options: [11, relu], attributes: { activation: "relu" } },
  { ...plain("SUB", "Sub", 2), options: [28, relu], attributes: { activation: "relu" } },
  { ...plain("MUL", "Mul", 2), options: [21, relu], attributes: { activation: "relu" } },
  { ...plain("DIV", "Div", 2), options: [29, relu], attributes: { activation: "relu" } },
  plain("FLOOR_DIV", "FloorDiv", 2),
  plain("MAXIMUM", "Maximum", 2),
  plain("MINIMUM", "Minimum", 2),
  plain("SQRT", "Sqrt"),
  {
    ...plain("CONV_2D", "Conv2D", 3),
    options: [1, { ...window, 3: int8(2), 4: int32(4), 5: int32(5), 6: int8(2) }],
    attributes: {
      padding: "valid",
      strides: [3, 2],
      dilations: [5, 4],
      activation: "relu_n1_to_1",
    },
  },
  {
    ...plain("DEPTHWISE_CONV_2D", "DepthwiseConv2D", 3),
    options: [2, { ...window, 3: int32(7), 4: int8(3), 5: int32(4), 6: int32(5) }],
    attributes: { padding: "valid", strides: [3, 2], dilations: [5, 4], activation: "relu6" },
  },
  {
    type: "TRANSPOSE_CONV",
    inputs: [constant([1, 8, 8, 2]), x, x, x],
    options: [49, { ...window, 3: int8(1) }],
    becomes: "TransposeConv",
    attributes: {
      padding: "valid",
      strides: [3, 2],
      outputShape: [1, 8, 8, 2],
      activation: "relu",
    },
    reads: [2, 1, 3],
  },
  {
    ...plain("FULLY_CONNECTED", "FullyConnected", 2),
    options: [8, { 0: int8(1), 2: bool(true) }],
    attributes: { activation: "relu", keepDims: true },
  },
  {
    ...plain("AVERAGE_POOL_2D", "AveragePool2D"),
    options: [5, { ...window, 3: int32(6), 4: int32(7), 5: int8(1) }],
    attributes: { padding: "valid", strides: [3, 2], filter: [7, 6], activation: "relu" },
  },
  {
    ...plain("MAX_POOL_2D", "MaxPool2D"),
    options: [5, { 1: int32(2), 2: int32(3), 3: int32(6), 4: int32(7) }],
    attributes: { padding: "same", strides: [3, 2], filter: [7, 6], activation: "none" },
  },
  {
    type: "MEAN",
    inputs: [x, constant([1, 2])],
    options: [27, { 0: bool(true) }],
    becomes: "Mean",
    attributes: { axes: [1, 2], keepDims: true },
    reads: [0],
  },
  {
    type: "SUM",
    inputs: [x, scalar(-1)],
    becomes: "Sum",
    attributes: { axes: [-1], keepDims: false },
    reads: [0],
  },
  {
    ...plain("CONCATENATION", "Concatenation", 3),
    options: [10, { 0: int32(-1) }],
    attributes: { axis: -1, activation: "none" },
  },
  {
    type: "PAD",
    inputs: [x, constant([0, 1, 2, 3], [2, 2])],
    becomes: "Pad",
    attributes: {
      paddings: [
        [0, 1],
        [2, 3],
      ],
    },
    reads: [0],
  },
  {
    type: "PADV2",
    inputs: [x, constant([0, 1], [1, 2]), { shape: [] }],
    becomes: "Pad",
    attributes: { paddings: [[0, 1]] },
    reads: [0, 2],
  },
  {
    type: "RESHAPE",
    inputs: [x, constant([4, -1])],
    options: [17, { 0: int32s([9, 9]) }],
    becomes: "Reshape",
    attributes: { shape: [4, -1] },
    reads: [0],
  },
  {
    ...plain("SQUEEZE", "Squeeze"),
    options: [30, { 0: int32s([0, -1]) }],
    attributes: { axes: [0, -1] },
  },
  {
    type: "EXPAND_DIMS",
    inputs: [x, scalar(2)],
    becomes: "ExpandDims",
    attributes: { axis: 2 },
    reads: [0],
  },
  {
    type: "TRANSPOSE",
    inputs: [x, constant([3, 1, 0, 2])],
    becomes: "Transpose",
    attributes: { permutation: [3, 1, 0, 2] },
    reads: [0],
  },
  {
    type: "SLICE",
    inputs: [x, constant([0, 1, 0, 0]), constant([1, -1, 2, 2])],
    becomes: "Slice",
    attributes: { begin: [0, 1, 0, 0], size: [1, -1, 2, 2] },
    reads: [0],
  },
  {
    type: "STRIDED_SLICE",
    inputs: [x, constant([0, 1]), constant([1, 4]), constant([1, 2])],
    options: [32, { 0: int32(1), 1: int32(2), 2: int32(4), 3: int32(8), 4: int32(16) }],
    becomes: "StridedSlice",
    attributes: {
      begin: [0, 1],
      end: [1, 4],
      strides: [1, 2],
      beginMask: 1,
      endMask: 2,
      ellipsisMask: 4,
      newAxisMask: 8,
      shrinkAxisMask: 16,
    },
    reads: [0],
  },
  {
    type: "SPLIT",
    inputs: [scalar(3), x],
    options: [35, { 0: int32(2) }],
    outputs: 2,
    becomes: "Split",
    attributes: { axis: 3, parts: 2 },
    reads: [1],
  },
  {
    ...plain("PACK", "Pack", 3),
    options: [59, { 0: int32(3), 1: int32(1) }],
    attributes: { axis: 1 },
  },
  {
    ...plain("UNPACK", "Unpack"),
    options: [64, { 0: int32(2), 1: int32(3) }],
    outputs: 2,
    attributes: { axis: 3, parts: 2 },
  },
  {
    ...plain("GATHER", "Gather", 2),
    options: [23, { 0: int32(2), 1: int32(1) }],
    attributes: { axis: 2, batchDims: 1 },
  },
  plain("GATHER_ND", "GatherNd", 2),
  {
    type: "RESIZE_BILINEAR",
    inputs: [x, constant([5, 6])],
    options: [15, { 2: bool(true) }],
    becomes: "ResizeBilinear",
    attributes: { size: [5, 6], alignCorners: true, halfPixelCenters: false },
    reads: [0],
  },
  {
    type: "RESIZE_NEAREST_NEIGHBOR",
    inputs: [x, constant([5, 6])],
    options: [74, { 1: bool(true) }],
    becomes: "ResizeNearestNeighbor",
    attributes: { size: [5, 6], alignCorners: false, halfPixelCenters: true },
    reads: [0],
  },
  {
    ...plain("SOFTMAX", "Softmax"),
    options: [9, { 0: float32(0.5) }],
    attributes: { beta: 0.5 },
  },
  plain("LOGISTIC", "Logistic"),
  plain("TANH", "Tanh"),
  plain("HARD_SWISH", "HardSwish"),
  plain("RELU", "Relu"),
  plain("RELU6", "Relu6"),
  plain("RELU_N1_TO_1", "ReluN1To1"),
  {
    ...plain("LEAKY_RELU", "LeakyRelu"),
    options: [75, { 0: float32(0.25) }],
    attributes: { alpha: 0.25 },
  },
  plain("PRELU", "PRelu", 2),
  plain("ELU", "Elu"),
  {
    ...plain("GELU", "Gelu"),
    options: [116, { 0: bool(true) }],
    attributes: { approximate: true },
  },
  plain("QUANTIZE", "Quantize"),
  plain("DEQUANTIZE", "Dequantize"),
  { ...plain("CAST", "Cast"), options: [37, { 0: int8(0), 1: int8(2) }] },
  {
    type: "ARG_MAX",
    inputs: [x, scalar(-1)],
    options: [40, { 0: int8(4) }],
    outputType: "INT64",
    becomes: "ArgMax",
    attributes: { axis: -1 },
    reads: [0],
  },
  {
    ...plain("SPACE_TO_DEPTH", "SpaceToDepth"),
    options: [19, { 0: int32(2) }],
    attributes: { blockSize: 2 },
  },
  {
    ...plain("DEPTH_TO_SPACE", "DepthToSpace"),
    options: [94, { 0: int32(2) }],
    attributes: { blockSize: 2 },
  },
];

describe("the operator table of the TFLite importer", () => {
  it("has a case here for each row", () => {
    expect(cases.map(({ type }) => type).sort()).toEqual([...ROWS.keys()].sort());
  });

  it.each(cases)("makes $becomes of $type", (entry) => {
    const { type, inputs, options, outputs = 1, outputType = "FLOAT32" } = entry;
    const tensors = [
      ...inputs,
      ...Array.from({ length: outputs }, () => ({ ...x, type: outputType })),
    ];
    const ids = inputs.map((_, i) => i);
    const results = tensors.slice(inputs.length).map((_, i) => inputs.length + i);
    const graph = importModel(
      writeModel({
        tensors,
        operators: [{ type, inputs: ids, outputs: results, ...(options && { options }) }],
        inputs: ids.filter((id) => inputs[id]!.data === undefined),
        outputs: results,
      }),
    );
    const node = graph.nodes[0]!;
    expect(node.operator.name).toBe(entry.becomes);
    expect(node.attributes).toEqual(entry.attributes ?? {});
    expect(node.inputs).toEqual(entry.reads ?? ids);
    expect(node.outputs).toEqual(results);
  });
});
