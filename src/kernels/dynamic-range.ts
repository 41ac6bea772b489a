/** Layers with float32 activations beside integer weights: `assembly/dynamic-range.ts`. */
import type { Kernel } from "./kernel.ts";

export const dynamicRangeKernels: readonly Kernel[] = [
  {
    name: "quantize_parts_f32",
    isa: "simd128",
    module: "seldom",
    parameters: ["x", "y", "scales", "parts", "size", "tileParts", "rule"],
  },
  {
    name: "scale_parts_f32",
    isa: "simd128",
    module: "seldom",
    parameters: [
      ...["x", "y", "scales", "multipliers", "biases"],
      ...["m", "tileRows", "partRows", "channels", "low", "high"],
    ],
    floats: ["low", "high"],
  },
];

/** The rules of `quantize_parts_f32`. */
export const dynamicRules = { default: 0, symmetric: 1, asymmetric: 2 } as const;
