/** The lowerings of operators that few networks have: loaded for graphs that have one. */
import { lowerArgMax } from "./arg-max.ts";
import { lowerCast } from "./cast.ts";
import type { Lowering, Lowerings } from "./context.ts";
import { lowerDiv, lowerMaximum, lowerMinimum, lowerPRelu } from "./extremum.ts";
import { lowerGather, lowerGatherNd, lowerResizeNearestNeighbor } from "./gather.ts";
import { lowerResizeBilinear } from "./resize-bilinear.ts";
import { lowerTransposeConv } from "./transpose-conv.ts";

export function withSeldom({ byOperator, kernels }: Lowerings): Lowerings {
  const more: readonly (readonly [operator: string, lowering: Lowering])[] = [
    ["ArgMax", lowerArgMax],
    ["Cast", lowerCast],
    ["Div", lowerDiv],
    ["Gather", lowerGather],
    ["GatherNd", lowerGatherNd],
    ["Maximum", lowerMaximum],
    ["Minimum", lowerMinimum],
    ["PRelu", lowerPRelu],
    ["ResizeBilinear", lowerResizeBilinear],
    ["ResizeNearestNeighbor", lowerResizeNearestNeighbor],
    ["TransposeConv", lowerTransposeConv],
  ];
  return { byOperator: new Map<string, Lowering>([...byOperator, ...more]), kernels };
}
