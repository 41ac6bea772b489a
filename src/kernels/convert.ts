/** One operand: `assembly/lookup*.ts`, `assembly/convert.ts`, `assembly/unary-float.ts`, `assembly/softmax.ts`. */
import type { Kernel } from "./kernel.ts";

export const convertKernels: readonly Kernel[] = [
  {
    name: "lookup_8",
    isa: "simd128",
    module: "core",
    parameters: ["x", "y", "table", "sizeBytes", "tileBytes"],
  },
  {
    name: "lookup_8_lines",
    isa: "simd128",
    module: "core",
    parameters: ["x", "y", "lines", "sizeBytes", "tileBytes"],
  },
  {
    name: "lookup_8_lines_relaxed",
    isa: "relaxed",
    module: "int8",
    parameters: ["x", "y", "lines", "sizeBytes", "tileBytes"],
  },
  ...["quantize_f32_i8", "quantize_f32_i8_fixed", "dequantize_i8_f32", "clamp_f32"].map(
    (name): Kernel => ({
      name,
      isa: "simd128",
      module: name.endsWith("_fixed") ? "seldom" : "core",
      parameters: ["x", "y", "size", "tileSize", "zeroPoint", "flip", "scale", "low", "high"],
      floats: ["scale", "low", "high"],
    }),
  ),
  ...["leaky_relu_f32", "hard_swish_f32", "sqrt_f32"].map((name): Kernel => ({
    name,
    isa: "simd128",
    module: "seldom",
    parameters: ["x", "y", "size", "tileSize", "alpha"],
    floats: ["alpha"],
  })),
  {
    name: "softmax_i8",
    isa: "simd128",
    module: "core",
    parameters: ["x", "y", "table", "rows", "classes", "tileRows", "flip", "outputScale"],
    floats: ["outputScale"],
  },
];
