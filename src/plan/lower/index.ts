/** Which lowering takes which operator. An operator that is not listed runs its `reference()`. */
import { isMinifloat } from "../../formats/index.ts";
import { InputError } from "../../errors.ts";
import type { Graph } from "../../graph/index.ts";
import { basicKernels } from "../../kernels/index.ts";
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
import { lowerConv2D } from "./conv-2d.ts";
import type { Lowering, Lowerings } from "./context.ts";
import { lowerDepthwiseConv2D } from "./depthwise-conv-2d.ts";
import { lowerFullyConnected } from "./fully-connected.ts";
import { lowerMul } from "./mul.ts";
import { lowerMovement, lowerReshape } from "./movement.ts";
import { lowerPad } from "./pad.ts";
import { lowerAveragePool2D, lowerMaxPool2D } from "./pool.ts";
import { lowerDequantize, lowerQuantize } from "./quantize.ts";
import { lowerMean, lowerSum } from "./reduce.ts";
import { lowerSoftmax } from "./softmax.ts";
import { clampTo, lowerTable, unaryFloat } from "./unary.ts";

export * from "./context.ts";

const byOperator: Lowerings["byOperator"] = new Map<string, Lowering>([
  ["Conv2D", lowerConv2D],
  ["DepthwiseConv2D", lowerDepthwiseConv2D],
  ["FullyConnected", lowerFullyConnected],
  ["Add", lowerAdd],
  ["Sub", lowerSub],
  ["Mul", lowerMul],
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
]);

/** Those of the operators that most networks are made of. */
export const basicLowerings: Lowerings = { byOperator, kernels: basicKernels };

/** @throws InputError no kernel of any lowering has the name */
export async function checkKernel(name: string): Promise<void> {
  const { withMinifloats } = await import("./minifloats.ts");
  if (!withMinifloats(basicLowerings).kernels.has(name)) {
    throw new InputError(`forcedKernel: expected the name of a kernel, got "${name}"`);
  }
}

/** The lowerings that a graph can use: the others are code that is loaded for the graphs that need it. */
export async function loadLowerings({ nodes, values }: Graph): Promise<Lowerings> {
  let lowerings = basicLowerings;
  if (nodes.some(({ operator }) => !byOperator.has(operator.name))) {
    const { withSeldom } = await import("./seldom.ts");
    lowerings = withSeldom(lowerings);
  }
  if (values.some(({ type }) => isMinifloat(type.format))) {
    const { withMinifloats } = await import("./minifloats.ts");
    lowerings = withMinifloats(lowerings);
  }
  return lowerings;
}
