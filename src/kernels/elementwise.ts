/** Two operands, one result: `assembly/elementwise*.ts`. */
import type { Kernel, KernelModule } from "./kernel.ts";

const grid = [
  ...["a", "b", "y", "inner", "rows", "rowsPerOuter"],
  ...["aStride0", "aStride1", "bStride0", "bStride1", "aStep", "bStep"],
  ...["tileRows", "tileColumns", "tilesPerRow"],
];

function codes(name: string, module: KernelModule): Kernel {
  const own = ["flip", "aZeroPoint", "bZeroPoint", "zeroPoint", "low", "high"];
  const parameters = [...grid, ...own, "multiplier", "coarse", "fine", "bias", "shift"];
  return { name, isa: "simd128", module, parameters, floats: ["multiplier"] };
}

function fixed(name: string): Kernel {
  const own = ["flip", "aZeroPoint", "bZeroPoint", "zeroPoint", "low", "high"];
  const parameters = [...grid, ...own, "q", "exponent", "aTable", "bTable"];
  return { name, isa: "simd128", module: "seldom", parameters };
}

function float(name: string, module: KernelModule): Kernel {
  return {
    name,
    isa: "simd128",
    module,
    parameters: [...grid, "low", "high"],
    floats: ["low", "high"],
  };
}

export const elementwiseKernels: readonly Kernel[] = [
  ...["add_i8", "mul_i8"].map((name) => codes(name, "core")),
  ...["maximum_i8", "minimum_i8"].map((name) => codes(name, "seldom")),
  ...["add_i8_fixed", "mul_i8_fixed"].map(fixed),
  ...["add_f32", "sub_f32", "mul_f32"].map((name) => float(name, "float")),
  ...["div_f32", "maximum_f32", "minimum_f32", "prelu_f32"].map((name) => float(name, "seldom")),
];
