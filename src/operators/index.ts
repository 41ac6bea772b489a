export * from "./operator.ts";
export * from "./activation-range.ts";
export * from "./conv-2d.ts";
export * from "./conv-geometry.ts";
export * from "./conv-quantization.ts";
export * from "./depthwise-conv-2d.ts";
export * from "./depthwise-geometry.ts";
export * from "./fully-connected.ts";
export * from "./matrix-geometry.ts";
export * from "./window.ts";
export * from "./arg-max.ts";
export * from "./cast.ts";
export * from "./chunked-matmul.ts";
export {
  type AccumulateAttributes,
  accumulatorOf,
  type ChunkedMatMulAttributes,
  drawsPerOutput,
} from "./chunked-sum.ts";
export {
  inputUnit,
  integerUnit,
  isMinifloatLayer,
  layerMultipliers,
  layerValues,
  weightUnit,
} from "./minifloat-layers.ts";
export * from "./concatenation.ts";
export * from "./depth-to-space.ts";
export * from "./expand-dims.ts";
export * from "./gather.ts";
export * from "./gather-nd.ts";
export type { Move, MovementOperator } from "./movement.ts";
export * from "./pack.ts";
export * from "./pad.ts";
export * from "./reshape.ts";
export * from "./resize-bilinear.ts";
export * from "./resize-nearest-neighbor.ts";
export * from "./slice.ts";
export * from "./space-to-depth.ts";
export * from "./split.ts";
export * from "./squeeze.ts";
export * from "./strided-slice.ts";
export * from "./transpose.ts";
export * from "./unpack.ts";
export type { ResizeAttributes } from "./resize.ts";
export * from "./add.ts";
export * from "./add-sub.ts";
export * from "./average-pool-2d.ts";
export * from "./dequantize.ts";
export * from "./div.ts";
export * from "./elu.ts";
export * from "./floor-div.ts";
export * from "./gelu.ts";
export * from "./hard-swish.ts";
export * from "./leaky-relu.ts";
export * from "./logistic.ts";
export * from "./max-pool-2d.ts";
export * from "./maximum.ts";
export * from "./mean.ts";
export {
  decodeMinifloat,
  encodeMinifloat,
  type EncodeMinifloatAttributes,
  minifloatCodes,
  minifloatOf,
  minifloatValues,
} from "./minifloat-codes.ts";
export * from "./minimum.ts";
export * from "./mul.ts";
export * from "./pool.ts";
export * from "./prelu.ts";
export * from "./quantize.ts";
export * from "./reduce.ts";
export * from "./relu.ts";
export * from "./relu-n1-to-1.ts";
export * from "./relu6.ts";
export { blockFormatOf, roundBlocks, type RoundBlocksAttributes } from "./round-blocks.ts";
export * from "./softmax.ts";
export * from "./sqrt.ts";
export * from "./sub.ts";
export * from "./sum.ts";
export * from "./table-lookup.ts";
export * from "./tanh.ts";
export * from "./transpose-conv.ts";
export * from "./unary.ts";
export { dynamicParts, isDynamicRange } from "./dynamic-range.ts";
export { blockStage, hasBlocks } from "./weight-blocks.ts";
