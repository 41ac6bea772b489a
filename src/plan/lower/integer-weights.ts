/** Weights in integers: codes less their zero point, packed as they came, as int8, as int16, or as units that int16 sums hold. */
import {
  flushes,
  gemmRules,
  integerPanelBytes,
  integerUnits,
  lowBitPanelBytes,
  lowBitUnits,
  packedBits,
  packIntegerPanels,
  packLowBitPanels,
  packSplitPanels,
  type PanelLayout,
  selectForm,
  splitPanelBytes,
  splitUnits,
} from "../../kernels/index.ts";
import { type ConvQuantization, compactWeights } from "../../operators/index.ts";
import { elementCount, type Tensor } from "../../tensor/index.ts";
import type { LowerContext } from "./context.ts";
import { dotOf, type GemmWeights, inputShift, noLowBit, type WeightOrder } from "./gemm-weights.ts";
import type { Narrowing } from "./narrowing.ts";
import { scalesStaySmall } from "./small-scales.ts";
import { splitAgain } from "./split-weights.ts";
import { weightCodes } from "./weight-codes.ts";

export function integerWeights(
  context: LowerContext,
  w: Tensor,
  depth: number,
  quantization: ConvQuantization,
  { order = (weights) => weights, narrowing, rows }: IntegerOptions = {},
): GemmWeights {
  const bias = context.constant(2)?.data as Int32Array | undefined;
  const { weightZeroPoints, output, inputZeroPoint } = quantization;
  const channels = weightZeroPoints.length;
  const perColumn = elementCount(w.type.shape) / channels;
  const compact = () => compactWeights(w, weightZeroPoints, perColumn);
  const codes = weightCodes(w, weightZeroPoints, compact);
  const isUnsignedInput = context.inputs[0]!.format.name === "uint8";
  const { machine } = context;
  const canSplit = codes.bits >= 8 && narrowing === undefined;
  const again = canSplit
    ? splitAgain(context, rows, () => order(compact()), channels, depth)
    : undefined;
  const form = selectForm(
    {
      activations: narrowing !== undefined ? "narrow" : isUnsignedInput ? "uint8" : "int8",
      largestActivation: narrowing?.fields.narrowHigh,
      weightBits: codes.bits,
      isSplit: again !== undefined,
      depth,
      columns: channels,
      isa: machine.isa,
      dot: dotOf(machine),
    },
    context.forced,
  );
  const isLow = form.weightBits < 8;
  const isSplit = form.method === "split";
  const layout: PanelLayout = {
    unitElements: form.unitElements === 4 ? 4 : 2,
    weightBytes: form.weightBits === 16 ? 2 : 1,
  };
  const units = isLow
    ? lowBitUnits(depth, form)
    : isSplit
      ? splitUnits(depth)
      : integerUnits(depth, layout);
  // uint8 results are computed as int8 codes, 128 lower, and flipped at the store.
  const isUnsigned = context.outputs[0]!.format.name === "uint8";
  const shift = isUnsigned ? 128 : 0;
  const { zeroPoint, low, high } = output.range;
  const offset = form.weightBits === 1 ? 1 : codes.offset;
  const isSmall = form.method === "dot" && scalesStaySmall(output, bias, depth, compact);
  return {
    form,
    depth,
    units,
    panelBytes: isLow
      ? lowBitPanelBytes(units, form, output.rule)
      : isSplit
        ? splitPanelBytes(units, again!, output.rule)
        : integerPanelBytes(units, layout, output.rule),
    elementBytes: 1,
    border: (narrowing?.border ?? inputZeroPoint) & 0xff,
    output: {
      zeroPoint: zeroPoint - shift,
      low: low - shift,
      high: high - shift,
      flip: isUnsigned ? 0x80 : 0,
      rule: gemmRules[isSmall ? "smallFp32" : output.rule],
    },
    lowBit: {
      ...noLowBit,
      ...(isLow
        ? {
            weightBits: packedBits(form),
            weightOffset: offset,
            ...flushes(form, codes.largest, narrowing?.fields.narrowHigh),
          }
        : {}),
      ...narrowing?.fields,
    },
    packer: () => {
      const weights = order(compact());
      const matrix = {
        weights,
        depth,
        bias,
        inputZeroPoint: inputZeroPoint + inputShift(form, isUnsignedInput),
        output,
      };
      return (target, firstColumn, columns) => {
        const part = { ...matrix, columns, firstColumn };
        if (isLow) packLowBitPanels(target, part, form, offset);
        else if (isSplit) packSplitPanels(target, part, again!);
        else packIntegerPanels(target, part, layout);
      };
    },
  };
}

interface IntegerOptions {
  readonly order?: WeightOrder;
  /** What packing does to activations first. */
  readonly narrowing?: Narrowing | undefined;
  /** Rows of the product, where all its columns are packed at once. */
  readonly rows?: number | undefined;
}
