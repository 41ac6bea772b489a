/** Which lowering takes which operator. An operator that is not listed runs its `reference()`. */
import {
  concatenation,
  depthToSpace,
  expandDims,
  pack,
  reshape,
  slice,
  spaceToDepth,
  split,
  squeeze,
  stridedSlice,
  transpose,
  unpack,
} from "../../operators/index.ts";
import { lowerArgMax } from "./arg-max.ts";
import { lowerCast } from "./cast.ts";
import { lowerConv2D } from "./conv-2d.ts";
import type { Lowering } from "./context.ts";
import { lowerDepthwiseConv2D } from "./depthwise-conv-2d.ts";
import { lowerFullyConnected } from "./fully-connected.ts";
import { lowerGather, lowerGatherNd, lowerResizeNearestNeighbor } from "./gather.ts";
import { lowerMovement, lowerReshape } from "./movement.ts";
import { lowerPad } from "./pad.ts";
import { lowerResizeBilinear } from "./resize-bilinear.ts";

export * from "./context.ts";

export const lowerings: ReadonlyMap<string, Lowering> = new Map<string, Lowering>([
  ["Conv2D", lowerConv2D],
  ["DepthwiseConv2D", lowerDepthwiseConv2D],
  ["FullyConnected", lowerFullyConnected],
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
