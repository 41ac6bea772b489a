/** What a network can be re-quantized to. */
import { binary, int2, int4, int8, ternary, uint1, uint2, uint4 } from "../formats/index.ts";

export const WEIGHT_SCHEMES = ["int8", "int4", "int2", "ternary", "binary"] as const;
export const ACTIVATION_SCHEMES = ["uint8", "uint4", "uint2", "uint1"] as const;

export interface RequantizeOptions {
  /** Format of the weights. A layer that has no more bits than that keeps its own. Default: int8. */
  readonly weights?: (typeof WEIGHT_SCHEMES)[number] | undefined;
  /** Format of the activations that re-quantized layers read; uint8 (default): as they are. */
  readonly activations?: (typeof ACTIVATION_SCHEMES)[number] | undefined;
  /**
   * Weights below 8 bits get a scale for each block of so many input channels of a tap, a multiple of 4,
   * in place of one for each output channel. Layers whose input channels are no multiple of 4 do not.
   */
  readonly groupSize?: number | undefined;
  /** Leave the first and the last layers as they are. Default: true. */
  readonly keepFirstLast?: boolean | undefined;
}

export const WEIGHT_FORMATS = { int8, int4, int2, ternary, binary };
export const ACTIVATION_FORMATS = { uint8: undefined, uint4, uint2, uint1 };
