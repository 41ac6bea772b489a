/** Which lowering takes which operator. An operator that is not listed runs its `reference()`. */
import type { Lowering } from "./context.ts";
import { lowerDepthwiseConv2D } from "./depthwise-conv-2d.ts";

export * from "./context.ts";

export const lowerings: ReadonlyMap<string, Lowering> = new Map<string, Lowering>([
  ["DepthwiseConv2D", lowerDepthwiseConv2D],
]);
