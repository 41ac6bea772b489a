/** Poolings, means and sums: `assembly/pool.ts`, `assembly/mean.ts`. */
import type { Kernel } from "./kernel.ts";

const CODES = ["i8", "u8"];
const FORMATS = [...CODES, "f32"];

export const poolKernels: readonly Kernel[] = [
  ...["max_pool", "average_pool"].flatMap((name) =>
    FORMATS.map((format): Kernel => ({
      name: `${name}_${format}`,
      isa: "simd128",
      module: format === "f32" ? "float" : "core",
      parameters: [
        ...["x", "y", "inputHeight", "inputWidth", "channels", "xStride", "yStride"],
        ...["outputHeight", "outputWidth", "filterHeight", "filterWidth", "strideY", "strideX"],
        ...["padTop", "padLeft", "tileRows", "tilesPerImage"],
        ...["low", "high", "lowLimit", "highLimit"],
      ],
      floats: ["lowLimit", "highLimit"],
    })),
  ),
  ...[...FORMATS, ...CODES.map((format) => `${format}_fixed`)].map((format): Kernel => ({
    name: `mean_${format}`,
    isa: "simd128",
    module: format === "f32" ? "float" : format.endsWith("_fixed") ? "seldom" : "core",
    parameters: [
      ...["x", "y", "outer", "depth", "inner", "tileOuter", "tileColumns", "tilesPerRow"],
      ...["low", "high", "scale", "offset", "inputOffset", "q", "exponent", "zeroPoint"],
    ],
    floats: ["scale", "offset"],
  })),
];
