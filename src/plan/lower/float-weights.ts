/** Weights in float32: the panels of `gemm_f32_f32` and its kin. */
import {
  floatPanelBytes,
  type GemmForm,
  packFloatPanels,
  selectFloatForm,
} from "../../kernels/index.ts";
import { type Activation, floatActivationRange } from "../../operators/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { LowerContext } from "./context.ts";
import { type GemmWeights, noLowBit, type WeightOrder } from "./gemm-weights.ts";

interface FloatOptions {
  readonly order?: WeightOrder;
  readonly form?: GemmForm;
}

export function floatWeights(
  context: LowerContext,
  w: Tensor,
  bias: Tensor | undefined,
  depth: number,
  activation: Activation,
  {
    order = (weights) => weights,
    form = selectFloatForm(depth, context.forced, context.mayFuse),
  }: FloatOptions = {},
): GemmWeights {
  const { low, high } = floatActivationRange(activation);
  return {
    form,
    depth,
    units: depth,
    panelBytes: floatPanelBytes(depth),
    elementBytes: 4,
    border: 0,
    // The clamp of floats lies in the panel.
    output: { zeroPoint: 0, low: 0, high: 0, flip: 0, rule: 0 },
    lowBit: noLowBit,
    packer: () => {
      const weights = order(w.data as Float32Array);
      const matrix = { weights, depth, bias: bias?.data as Float32Array | undefined, low, high };
      return (target, firstColumn, columns) =>
        packFloatPanels(target, { ...matrix, columns, firstColumn });
    },
  };
}
