/**
 * Layers with minifloat weights: `assembly/gemm-minifloat.ts`, `conv-minifloat.ts`,
 * `conv-minifloat-dot.ts`, and the steps around them, `minifloat-round.ts`,
 * `minifloat-round-units.ts`, `minifloat-blocks.ts`, `minifloat-rows.ts`, `softmax-float.ts`.
 */
import { float32, type Minifloat } from "../formats/index.ts";
import { gemmKernels, type GemmOperation } from "./gemm.ts";
import type { Kernel, KernelBound } from "./kernel.ts";
import { encodeKernelOf } from "./minifloat.ts";
import { winogradBound, winogradParameters } from "./winograd.ts";

/** x as kernels read it: float32, int8, bytes as the relaxed dot reads them, int16. */
export type MinifloatOperand = "f32" | "i8" | "x8" | "i16";
/**
 * Weights in memory: codes of 8, 6, 4 bits; float32 where no kernel decodes the format; bytes that a step
 * of their own has opened.
 */
export type MinifloatWeights = "m8" | "m6" | "m4" | "w32" | "w8";

interface OperandRow {
  readonly tile: string;
  readonly rows: 4 | 5 | 6;
  readonly unitElements: 1 | 2 | 4;
  /** Bytes of an element of x, and of an open weight. */
  readonly elementBytes: 1 | 2 | 4;
  readonly weights: readonly MinifloatWeights[];
  readonly operations: readonly GemmOperation[];
  readonly bound: KernelBound;
}

const ALL: readonly GemmOperation[] = ["gemm", "conv", "igemm"];

export const minifloatOperands: Readonly<Record<MinifloatOperand, OperandRow>> = {
  f32: {
    ...{ tile: "5x8c1", rows: 5, unitElements: 1, elementBytes: 4 },
    ...{ weights: ["m8", "m6", "m4", "w32"], operations: ["gemm", "conv"] },
    bound: { unit: "float", macs: 4 },
  },
  i8: {
    ...{ tile: "4x8c2", rows: 4, unitElements: 2, elementBytes: 1 },
    ...{ weights: ["m6", "m4"], operations: ALL },
    bound: { unit: "multiply", macs: 8 },
  },
  x8: {
    ...{ tile: "6x8c4_relaxed", rows: 6, unitElements: 4, elementBytes: 1 },
    ...{ weights: ["m6", "m4", "w8"], operations: ["gemm", "conv"] },
    bound: { unit: "dot", macs: 16 },
  },
  i16: {
    ...{ tile: "4x8c2", rows: 4, unitElements: 2, elementBytes: 2 },
    ...{ weights: ["m6", "m4"], operations: ALL },
    bound: { unit: "multiply", macs: 8 },
  },
};

/**
 * The tile of a kernel.
 * @param isMadd products of float32 are added by one instruction: exact ones (`hasExactProducts`), or where the caller allows it
 */
export function minifloatTile(
  operand: MinifloatOperand,
  isMadd = false,
): { readonly name: string; readonly rows: number } {
  const { tile: name, rows } = minifloatOperands[operand];
  return isMadd ? { name: "6x8c1_relaxed", rows: 6 } : { name, rows };
}

export function minifloatKernelName(
  operation: GemmOperation,
  operand: MinifloatOperand,
  weights: MinifloatWeights,
  isMadd = false,
): string {
  return `${operation}_${operand}_${weights}_${minifloatTile(operand, isMadd).name}`;
}

/** Significant bits of a float32. */
const FLOAT_BITS = 24;

/** Whether every product of two numbers is a float32: a fused multiply-add rounds as a multiply and an add. */
export function hasExactProducts(x: Minifloat, w: Minifloat): boolean {
  const bits = x.mantissaBits + 1 + w.mantissaBits + 1;
  const largest = x.max * w.max;
  return bits <= FLOAT_BITS && x.smallest * w.smallest >= 2 ** -149 && largest <= float32.max;
}

/** The block that kernels of an operation share. */
function blockOf(operation: GemmOperation): readonly string[] {
  return gemmKernels.find(({ name }) => name.startsWith(`${operation}_`))!.parameters;
}

const layerKernels = (Object.keys(minifloatOperands) as MinifloatOperand[]).flatMap((operand) => {
  const { operations, weights, unitElements, bound } = minifloatOperands[operand];
  return operations.flatMap((operation) =>
    weights.flatMap((own) =>
      (operand === "f32" ? [false, true] : [false]).map((isMadd): Kernel => {
        return {
          name: minifloatKernelName(operation, operand, own, isMadd),
          isa: unitElements === 4 || isMadd ? "relaxed" : "simd128",
          module: "minifloat",
          parameters: [...blockOf(operation), "codeTable", "panel", "unitTable"],
          bound,
        };
      }),
    ),
  );
});

const roundParameters = [
  ...["x", "y", "count", "tileCount", "leastNormal", "more", "nan", "flip"],
  ...["max", "scale", "unit"],
];

const unitParameters = ["x", "y", "count", "tileCount", "flip", "scale", "max", "unit"];

/** The kernel of `assembly/winograd-minifloat.ts` for weights. */
export function winogradUnitsKernelName(weights: "m6" | "m4"): string {
  return `winograd_x8_${weights}_4x8c2_relaxed`;
}

export const minifloatLayerKernels: readonly Kernel[] = [
  ...layerKernels,
  ...(["m6", "m4"] as const).map((weights): Kernel => ({
    name: winogradUnitsKernelName(weights),
    isa: "relaxed",
    module: "minifloat",
    parameters: [...winogradParameters, "border", "codeTable", "units", "unitTable"],
    bound: winogradBound,
  })),
  ...["open_m6_i8_relaxed", "open_m4_i8_relaxed"].map((name): Kernel => ({
    ...{ name, isa: "relaxed", module: "minifloat" },
    parameters: [
      ...[
        "x",
        "y",
        "codeTable",
        "panels",
        "tilePanels",
        "units",
        "panelBytes",
        "openBytes",
        "bits",
      ],
    ],
  })),
  ...["round_f32_f32", "round_f32_i8", "round_f32_i16"].map((name): Kernel => {
    return {
      name,
      isa: "simd128",
      module: "minifloat",
      parameters: roundParameters,
      floats: ["max", "scale", "unit"],
    };
  }),
  {
    name: "round_units_f32_i8",
    isa: "simd128",
    module: "minifloat",
    parameters: unitParameters,
    floats: ["scale", "max", "unit"],
  },
  {
    name: "add_f32_units_i8",
    isa: "simd128",
    module: "minifloat",
    parameters: [...unitParameters, "other", "sums", "low", "high"],
    floats: ["scale", "max", "unit", "low", "high"],
  },
  {
    name: "softmax_f32",
    isa: "simd128",
    module: "minifloat",
    parameters: ["x", "y", "rows", "classes", "tileRows", "beta"],
    floats: ["beta"],
  },
  {
    name: "round_blocks_f32",
    isa: "simd128",
    module: "minifloat",
    parameters: [...roundParameters, "depth", "exponent"],
    floats: ["max", "scale", "unit"],
  },
  {
    name: "windows_f32",
    isa: "simd128",
    module: "minifloat",
    parameters: [
      ...["x", "y", "m", "tileRows", "height", "width", "channels", "groups"],
      ...["outHeight", "outWidth"],
      ...["kernelHeight", "kernelWidth", "strideY", "strideX", "dilationY", "dilationX"],
      ...["top", "left"],
    ],
  },
  {
    name: "scale_rows_f32",
    isa: "simd128",
    module: "minifloat",
    parameters: [
      ...["x", "y", "multipliers", "biases", "m", "tileRows", "channels", "low", "high"],
    ],
    floats: ["low", "high"],
  },
];

/** What the round kernels have to know of a format; `unit` makes its values integers, or is 1. */
export function roundFields(format: Minifloat, unit: number): Record<string, number> {
  const { bias, mantissaBits, max, hasNaN } = format;
  return {
    leastNormal: (128 - bias) << 23,
    more: ((23 - mantissaBits) << 23) | 0x400000,
    ...{ nan: hasNaN ? -1 : 0, max, unit },
  };
}

/** Whether the round kernels take a format: what they add to its largest number must be finite. */
export function hasRoundKernel(format: Minifloat): boolean {
  const exponent = Math.floor(Math.log2(format.max));
  return encodeKernelOf(format) !== undefined && exponent + 23 - format.mantissaBits <= 127;
}
