/** Which lowering takes which operator. An operator that is not listed runs its `reference()`. */
import { isMinifloat } from "../../formats/index.ts";
import type { Graph } from "../../graph/index.ts";
import { basicKernels, type Kernel } from "../../kernels/index.ts";
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
import { lowerConv2D } from "./conv-2d.ts";
import type { Lowering } from "./context.ts";
import { lowerDepthwiseConv2D } from "./depthwise-conv-2d.ts";
import { lowerDiv, lowerMaximum, lowerMinimum, lowerPRelu } from "./extremum.ts";
import { lowerFullyConnected } from "./fully-connected.ts";
import { lowerGather, lowerGatherNd, lowerResizeNearestNeighbor } from "./gather.ts";
import { lowerMul } from "./mul.ts";
import { lowerMovement, lowerReshape } from "./movement.ts";
import { lowerPad } from "./pad.ts";
import { lowerAveragePool2D, lowerMaxPool2D } from "./pool.ts";
import { lowerDequantize, lowerQuantize } from "./quantize.ts";
import { lowerMean, lowerSum } from "./reduce.ts";
import { lowerResizeBilinear } from "./resize-bilinear.ts";
import { lowerSoftmax } from "./softmax.ts";
import { lowerTransposeConv } from "./transpose-conv.ts";
import { clampTo, lowerTable, unaryFloat } from "./unary.ts";

export * from "./context.ts";

/** By the name of the operator, with the kernels that they may take. */
export interface Lowerings {
  readonly byOperator: ReadonlyMap<string, Lowering>;
  readonly kernels: ReadonlyMap<string, Kernel>;
}

const byOperator: Lowerings["byOperator"] = new Map<string, Lowering>([
  ["Conv2D", lowerConv2D],
  ["DepthwiseConv2D", lowerDepthwiseConv2D],
  ["FullyConnected", lowerFullyConnected],
  ["TransposeConv", lowerTransposeConv],
  ["Add", lowerAdd],
  ["Sub", lowerSub],
  ["Mul", lowerMul],
  ["Div", lowerDiv],
  ["PRelu", lowerPRelu],
  ["Maximum", lowerMaximum],
  ["Minimum", lowerMinimum],
  ["AveragePool2D", lowerAveragePool2D],
  ["MaxPool2D", lowerMaxPool2D],
  ["Mean", lowerMean],
  ["Sum", lowerSum],
  ["Softmax", lowerSoftmax],
  ["Logistic", lowerTable(logistic)],
  ["Tanh", lowerTable(tanh)],
  ["HardSwish", lowerTable(hardSwish, unaryFloat("hard_swish_f32"))],
  ["Relu", lowerTable(relu, clampTo("relu"))],
  ["Relu6", lowerTable(relu6, clampTo("relu6"))],
  ["ReluN1To1", lowerTable(reluN1To1, clampTo("relu_n1_to_1"))],
  [
    "LeakyRelu",
    lowerTable(
      leakyRelu,
      unaryFloat("leaky_relu_f32", ({ alpha }) => alpha),
    ),
  ],
  ["Elu", lowerTable(elu)],
  ["Gelu", lowerTable(gelu)],
  ["Sqrt", lowerTable(sqrt, unaryFloat("sqrt_f32"))],
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
]);

/** All but those of minifloats. */
export const basicLowerings: Lowerings = { byOperator, kernels: basicKernels };

/** The lowerings that a graph can use: those of minifloats are code that few graphs have to load. */
export async function loadLowerings({ values }: Graph): Promise<Lowerings> {
  if (!values.some(({ type }) => isMinifloat(type.format))) return basicLowerings;
  const { withMinifloats } = await import("./minifloats.ts");
  return withMinifloats(byOperator);
}
