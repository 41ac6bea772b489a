/** The lowerings of minifloats: loaded for graphs that have some. */
import { kernelTable } from "../../kernels/index.ts";
import { isMinifloatLayer } from "../../operators/index.ts";
import { lowerChunkedMatMul } from "./chunked-matmul.ts";
import type { Lowering, Lowerings } from "./context.ts";
import { lowerDecodeMinifloat, lowerEncodeMinifloat } from "./minifloat-codes.ts";
import { addUnits } from "./minifloat-add.ts";
import { lookUpUnits, unitTypes } from "./minifloat-forms.ts";
import { lowerMinifloatDepthwise } from "./minifloat-depthwise.ts";
import { lowerMinifloatConv2D, lowerMinifloatFullyConnected } from "./minifloat-layers.ts";
import { lowerRoundBlocks } from "./round-blocks.ts";
import { softmaxFloats } from "./softmax-floats.ts";

/** Lowerings and those of minifloats, which take the layers of some operators from them. */
export function withMinifloats({ byOperator: others }: Lowerings): Lowerings {
  const layers: readonly (readonly [name: string, lowering: Lowering])[] = [
    ["Conv2D", lowerMinifloatConv2D],
    ["DepthwiseConv2D", lowerMinifloatDepthwise],
    ["FullyConnected", lowerMinifloatFullyConnected],
  ];
  const dequantize = others.get("Dequantize")!;
  const add = others.get("Add")!;
  const softmax = others.get("Softmax")!;
  const byOperator = new Map<string, Lowering>([
    ...others,
    ["Dequantize", (context, own) => lookUpUnits(context) || dequantize(context, own)],
    ["Add", (context, own) => addUnits(context, own) || add(context, own)],
    ["Softmax", (context, own) => softmaxFloats(context, own) || softmax(context, own)],
    ...layers.map(([name, lowering]) => [name, minifloatsOr(lowering, others.get(name)!)] as const),
    ["ChunkedMatMul", lowerChunkedMatMul],
    ["DecodeMinifloat", lowerDecodeMinifloat],
    ["EncodeMinifloat", lowerEncodeMinifloat],
    ["RoundBlocks", lowerRoundBlocks],
  ]);
  return { byOperator, kernels: kernelTable, stored: unitTypes };
}

/** One lowering for layers with minifloat operands, another one for all others. */
function minifloatsOr(minifloats: Lowering, others: Lowering): Lowering {
  return (context, attributes) => {
    const [x, w] = context.inputs;
    const isOurs = x !== undefined && w !== undefined && isMinifloatLayer(x, w);
    return (isOurs ? minifloats : others)(context, attributes);
  };
}
