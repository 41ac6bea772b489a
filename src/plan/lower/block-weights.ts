/** Operands of a product whose weights have a scale for each block of depth. */
import {
  blockPanelBytes,
  freedBlockBytes,
  gemmRules,
  lowBitUnits,
  packBlockPanels,
  selectForm,
} from "../../kernels/index.ts";
import { type Activation, blockStage } from "../../operators/index.ts";
import { f32 } from "../../quantization/index.ts";
import { type Tensor, unpackCodes } from "../../tensor/index.ts";
import type { LowerContext } from "./context.ts";
import { dotOf, type GemmWeights, inputShift, noLowBit } from "./gemm-weights.ts";
import type { Narrowing } from "./narrowing.ts";
import { hasWholeBlocks } from "./weight-codes.ts";

/** Undefined: taps or blocks that are no whole units of four. */
export function blockWeights(
  context: LowerContext,
  w: Tensor,
  depth: number,
  activation: Activation,
  narrowing: Narrowing | undefined,
): GemmWeights | undefined {
  const [x] = context.inputs;
  const y = context.outputs[0]!;
  const stage = blockStage(x!, w.type, y, activation);
  const { tap, blockSize, scales, multiplier, outputScale, range } = stage;
  const size = Math.min(blockSize, tap);
  if (!hasWholeBlocks(w.type)) return undefined;
  const { format, shape } = w.type;
  const isUnsignedInput = x!.format.name === "uint8";
  const { machine } = context;
  const form = selectForm(
    {
      activations: narrowing !== undefined ? "narrow" : isUnsignedInput ? "uint8" : "int8",
      largestActivation: narrowing?.fields.narrowHigh,
      weightBits: format.bits as 1 | 2 | 4,
      hasBlocks: true,
      depth,
      columns: shape[0]!,
      isa: machine.isa,
      dot: dotOf(machine),
    },
    context.forced,
  );
  const bias = context.constant(2)?.data as Float32Array | undefined;
  const matrix = {
    weights: unpackCodes(w) as Int8Array,
    depth,
    tap,
    blockSize: size,
    scales,
    bias: bias?.map((value) => f32(value / outputScale)),
    multiplier,
    inputZeroPoint: stage.inputZeroPoint + inputShift(form, isUnsignedInput),
  };
  const offset = format.bits === 1 ? 1 : -format.min;
  // uint8 results are computed as int8 codes, 128 lower, and flipped at the store.
  const shift = y.format.name === "uint8" ? 128 : 0;
  return {
    form,
    depth,
    units: lowBitUnits(depth, form),
    panelBytes: blockPanelBytes(matrix, form),
    freedTailBytes: freedBlockBytes(matrix),
    elementBytes: 1,
    border: (narrowing?.border ?? stage.inputZeroPoint) & 0xff,
    output: {
      zeroPoint: range.zeroPoint - shift,
      low: range.low - shift,
      high: range.high - shift,
      flip: shift,
      rule: gemmRules.fp32,
    },
    lowBit: {
      ...noLowBit,
      weightBits: format.bits,
      weightOffset: offset,
      flushSteps: size / form.unitElements,
      widenFlushes: tap / form.unitElements,
      ...narrowing?.fields,
    },
    packer: () => (target, firstColumn, columns) =>
      packBlockPanels(target, matrix, form, offset, [firstColumn, columns]),
  };
}
