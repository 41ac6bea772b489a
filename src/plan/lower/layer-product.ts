/** Conv2D and FullyConnected as a product: the operands that its kernel reads, by the formats of the layer's. */
import { selectFloatForm } from "../../kernels/index.ts";
import { type ConvQuantization, hasBlocks, isDynamicRange } from "../../operators/index.ts";
import type { Tensor, TensorType } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import { blockWeights } from "./block-weights.ts";
import type { LowerContext } from "./context.ts";
import { dynamicProduct, type DynamicShape } from "./dynamic-range.ts";
import { floatWeights } from "./float-weights.ts";
import type { GemmWeights } from "./gemm-weights.ts";
import { integerWeights } from "./integer-weights.ts";
import { type Narrowing, narrowingOf } from "./narrowing.ts";

export interface ProductOperands {
  readonly x: TensorType;
  readonly w: Tensor;
  readonly bias: Tensor | undefined;
  /** How packing makes activations below 8 bits. */
  readonly narrowing: Narrowing | undefined;
}

/** Undefined where only the reference computes: weights at run time, activations that nothing narrows. */
export function productOperands(context: LowerContext): ProductOperands | undefined {
  const x = context.inputs[0]!;
  const w = context.constant(1);
  const bias = context.constant(2);
  if (w === undefined || (context.inputs[2] !== undefined && bias === undefined)) return undefined;
  const isNarrow = x.format.bits < 8;
  const narrowing = isNarrow ? narrowingOf(context.graph, context.node) : undefined;
  return isNarrow && narrowing === undefined ? undefined : { x, w, bias, narrowing };
}

export interface LayerProduct {
  readonly weights: GemmWeights;
  readonly x: Pointer;
  /** Where the product goes, if that is not the output. */
  readonly y?: Pointer;
  /** Appends what comes behind the product. */
  finish?(): void;
}

/**
 * Appends what comes before the product. Undefined: no kernel takes this form.
 * @param quantization of integer operands
 * @param rows of the product, where all its columns are packed at once
 */
export function layerProduct(
  context: LowerContext,
  { x, w, bias, narrowing }: ProductOperands,
  shape: DynamicShape,
  quantization: () => ConvQuantization,
  rows: number | undefined,
): LayerProduct | undefined {
  if (isDynamicRange(x, w.type)) return dynamicProduct(context, w, shape);
  const { depth, activation } = shape;
  const weights =
    x.format.name === "float32"
      ? floatWeights(context, w, bias, depth, activation, {
          // The sums of one row hide the latency of an add, not that of a multiply-add.
          form: selectFloatForm(depth, context.forced, context.mayFuse && shape.m > 1),
        })
      : hasBlocks(w.type)
        ? blockWeights(context, w, depth, activation, narrowing)
        : integerWeights(context, w, depth, quantization(), { narrowing, rows });
  if (weights === undefined) return undefined;
  const from = narrowing === undefined ? context.input(0) : context.place(narrowing.source);
  return { weights, x: from };
}
