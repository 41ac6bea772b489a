/** Which lowering takes which operator. An operator that is not listed runs its `reference()`. */
import {
  concatenation,
  depthToSpace,
  elu,
  expandDims,
  gelu,
  hardSwish,
  leakyRelu,
  logistic,
  pack,
  relu,
  relu6,
  reluN1To1,
  reshape,
  slice,
  spaceToDepth,
  split,
  sqrt,
  squeeze,
  stridedSlice,
  tableLookup,
  tanh,
  transpose,
  unpack,
} from "../../operators/index.ts";
import { lowerAdd, lowerSub } from "./add.ts";
import { lowerArgMax } from "./arg-max.ts";
import { lowerCast } from "./cast.ts";
import { lowerChunkedMatMul } from "./chunked-matmul.ts";
import { lowerConv2D } from "./conv-2d.ts";
import type { Lowering } from "./context.ts";
import { lowerDepthwiseConv2D } from "./depthwise-conv-2d.ts";
import { lowerDiv, lowerMaximum, lowerMinimum } from "./extremum.ts";
import { lowerFullyConnected } from "./fully-connected.ts";
import { lowerGather, lowerGatherNd, lowerResizeNearestNeighbor } from "./gather.ts";
import { lowerDecodeMinifloat, lowerEncodeMinifloat } from "./minifloat-codes.ts";
import { lowerMinifloatDepthwise } from "./minifloat-depthwise.ts";
import {
  lowerMinifloatConv2D,
  lowerMinifloatFullyConnected,
  minifloatsOr,
} from "./minifloat-layers.ts";
import { lowerMul } from "./mul.ts";
import { lowerMovement, lowerReshape } from "./movement.ts";
import { lowerPad } from "./pad.ts";
import { lowerAveragePool2D, lowerMaxPool2D } from "./pool.ts";
import { lowerDequantize, lowerQuantize } from "./quantize.ts";
import { lowerMean, lowerSum } from "./reduce.ts";
import { lowerResizeBilinear } from "./resize-bilinear.ts";
import { lowerSoftmax } from "./softmax.ts";
import { lowerTransposeConv } from "./transpose-conv.ts";
import { lowerTable } from "./unary.ts";

export * from "./context.ts";

export const lowerings: ReadonlyMap<string, Lowering> = new Map<string, Lowering>([
  ["Conv2D", minifloatsOr(lowerMinifloatConv2D, lowerConv2D)],
  ["DepthwiseConv2D", minifloatsOr(lowerMinifloatDepthwise, lowerDepthwiseConv2D)],
  ["FullyConnected", minifloatsOr(lowerMinifloatFullyConnected, lowerFullyConnected)],
  ["TransposeConv", lowerTransposeConv],
  ["Add", lowerAdd],
  ["Sub", lowerSub],
  ["Mul", lowerMul],
  ["Div", lowerDiv],
  ["Maximum", lowerMaximum],
  ["Minimum", lowerMinimum],
  ["AveragePool2D", lowerAveragePool2D],
  ["MaxPool2D", lowerMaxPool2D],
  ["Mean", lowerMean],
  ["Sum", lowerSum],
  ["Softmax", lowerSoftmax],
  ["Logistic", lowerTable(logistic)],
  ["Tanh", lowerTable(tanh)],
  ["HardSwish", lowerTable(hardSwish)],
  ["Relu", lowerTable(relu, "relu")],
  ["Relu6", lowerTable(relu6, "relu6")],
  ["ReluN1To1", lowerTable(reluN1To1, "relu_n1_to_1")],
  ["LeakyRelu", lowerTable(leakyRelu)],
  ["Elu", lowerTable(elu)],
  ["Gelu", lowerTable(gelu)],
  ["Sqrt", lowerTable(sqrt)],
  ["TableLookup", lowerTable(tableLookup)],
  ["Quantize", lowerQuantize],
  ["Dequantize", lowerDequantize],
  ["Concatenation", lowerMovement(concatenation)],
  ["Pad", lowerPad],
  ["Reshape", lowerReshape(reshape)],
  ["Squeeze", lowerReshape(squeeze)],
  ["ExpandDims", lowerReshape(expandDims)],
  ["Transpose", lowerMovement(transpose)],
  ["Slice", lowerMovement(slice)],
  ["StridedSlice", lowerMovement(stridedSlice)],
  ["Split", lowerMovement(split)],
  ["Pack", lowerMovement(pack)],
  ["Unpack", lowerMovement(unpack)],
  ["SpaceToDepth", lowerMovement(spaceToDepth)],
  ["DepthToSpace", lowerMovement(depthToSpace)],
  ["Gather", lowerGather],
  ["GatherNd", lowerGatherNd],
  ["ResizeNearestNeighbor", lowerResizeNearestNeighbor],
  ["ResizeBilinear", lowerResizeBilinear],
  ["ArgMax", lowerArgMax],
  ["Cast", lowerCast],
  ["ChunkedMatMul", lowerChunkedMatMul],
  ["DecodeMinifloat", lowerDecodeMinifloat],
  ["EncodeMinifloat", lowerEncodeMinifloat],
]);
