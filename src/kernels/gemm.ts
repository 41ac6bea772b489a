/**
 * The matrix-product family: `assembly/gemm*.ts`, `conv*.ts`. The three operations differ in how they
 * pack activations: `gemm` takes rows as they lie, `conv` copies windows (im2col per strip), `igemm`
 * follows an indirection table.
 */
import type { Kernel, KernelBound, KernelModule } from "./kernel.ts";

/** Columns of a tile, but of tables. */
export const GEMM_NR = 8;

/** `OutputParameters.rule`. */
export const gemmRules = { fp32: 0, fixed: 1, float64: 2, fixedUp: 3, smallFp32: 4 } as const;

const grid = [
  ["y", "zeroPoint", "low", "high", "flip", "rule"],
  ["x", "w", "m", "n", "units", "panelBytes", "yStride"],
  ["tileRows", "tilePanels", "chunks", "stripRows"],
  ["weightBits", "weightOffset", "lowBitScratch"],
  ["narrowFlip", "narrowMultiplier", "narrowAddend", "narrowHigh"],
  ["flushSteps", "widenFlushes"],
].flat();

/** Fields of each operation's parameter block. */
const blocks = {
  gemm: [...grid, "xStride"],
  conv: [
    ...grid,
    ...["height", "width", "xStride", "channelBytes", "outHeight", "outWidth"],
    ...["kernelHeight", "kernelWidth", "strideY", "strideX", "dilationY", "dilationX"],
    ...["top", "left", "border", "yRowStride", "yImageStride"],
  ],
  igemm: [...grid, "table", "border", "taps", "tapUnits", "pixels", "xImageStride"],
} as const;

export type GemmOperation = keyof typeof blocks;

/**
 * How a kernel multiplies: int16 pairs, the relaxed dots into int32 and into int16 (weights of 4 bits or
 * fewer, or split ones), look-up, float32.
 */
export type GemmMethod = "pairs" | "dot" | "deep" | "split" | "tables" | "float";

/** Operands and tile of a kernel: what its name says behind the operation. */
export interface GemmForm {
  readonly name: string;
  readonly method: GemmMethod;
  readonly operations: readonly GemmOperation[];
  readonly isa: Kernel["isa"];
  readonly module: KernelModule;
  /** The tile: its rows and columns, and the k of one unit of activations. */
  readonly rows: number;
  readonly columns: number;
  readonly unitElements: 1 | 2 | 4;
  /** Units of one step of the tile's loop over k. */
  readonly stepUnits: 1 | 2 | 4;
  /** Bits of a weight in a panel. */
  readonly weightBits: 1 | 2 | 4 | 8 | 16 | 32;
  /** A scale for each block of depth (`blocks.ts`). */
  readonly hasBlocks: boolean;
  readonly maxDepth?: number;
}

/** ⌊(2^31 − 1) / (largest |x − zeroPoint| · |w|)⌋, |w| as int8, as int16 less a zero point. */
const MAX_DEPTH = 65_793;
const MAX_WIDE_DEPTH = 33_025;

const weightBits = { i16: 16, i8: 8, s8: 8, i4: 4, i2: 2, b1: 1, g4: 4, g2: 2, g1: 1 } as const;
type WeightCode = keyof typeof weightBits;

/**
 * Packed activations: `i8` and `u8` widened, or as int8; `x8` bytes as they are stored, `f8` with their
 * top bit flipped (relaxed dot with accumulation); `u4` int8 or uint8 that packing narrows to 4 bits or
 * fewer. Weights: `i16` are int8 or uint8 ones less their zero point, `s8` the same in parts (`split.ts`); `i4`, `i2` and `b1` lie packed,
 * `g4`, `g2` and `g1` too, with a scale for each block of depth.
 */
function integerForm(
  method: Exclude<GemmMethod, "float">,
  activation: "i8" | "u8" | "x8" | "f8" | "u4",
  weight: WeightCode,
  isa: Kernel["isa"] = method === "pairs" ? "simd128" : "relaxed",
): GemmForm {
  const isTable = method === "tables";
  const hasBlocks = weight.startsWith("g");
  const dot = hasBlocks ? 5 : 6;
  const rows = { pairs: 4, dot, deep: 4, split: 4, tables: weight === "b1" ? 4 : 2 }[method];
  const columns = isTable ? 16 : GEMM_NR;
  const unitElements = method === "pairs" ? 2 : 4;
  const suffix = isa === "relaxed" ? "_relaxed" : "";
  const withTable = method === "pairs" && activation !== "u4" && !hasBlocks;
  return {
    name: `${activation}_${weight}_${rows}x${columns}c${unitElements}${suffix}`,
    method,
    // Narrowing rewrites gathered rows; byte rows need no table: copying is all their packing.
    operations: withTable
      ? ["gemm", "conv", "igemm"]
      : activation === "u4"
        ? ["conv"]
        : ["gemm", "conv"],
    isa,
    hasBlocks,
    module: hasBlocks
      ? "blocks"
      : method === "deep" || method === "split" || isTable || activation === "u4"
        ? "low-bit"
        : "int8",
    rows,
    columns,
    unitElements,
    stepUnits: isTable ? 4 : method === "dot" ? 1 : 2,
    weightBits: weightBits[weight],
    maxDepth: weight === "i16" || weight === "s8" ? MAX_WIDE_DEPTH : MAX_DEPTH,
  };
}

const floatForm = (
  rows: number,
  operations: readonly GemmOperation[],
  isa: Kernel["isa"] = "simd128",
): GemmForm => ({
  name: `f32_f32_${rows}x${GEMM_NR}c1${isa === "relaxed" ? "_relaxed" : ""}`,
  method: "float",
  operations,
  isa,
  hasBlocks: false,
  module: "float",
  rows,
  columns: GEMM_NR,
  unitElements: 1,
  stepUnits: 1,
  weightBits: 32,
});

const narrowWeights = ["i4", "i2", "b1"] as const;
const blockWeights = ["g4", "g2", "g1"] as const;
const byteWeights = ["i8", ...narrowWeights] as const;

const forms: readonly GemmForm[] = [
  floatForm(5, ["gemm", "conv"]),
  floatForm(4, ["gemm", "igemm"]),
  floatForm(6, ["gemm", "conv"], "relaxed"),
  ...(["i8", "u8"] as const).flatMap((x) =>
    (["i16", ...byteWeights] as const).map((w) => integerForm("pairs", x, w)),
  ),
  ...byteWeights.map((w) => integerForm("pairs", "u4", w)),
  ...(["x8", "f8", "u4"] as const).flatMap((x) => byteWeights.map((w) => integerForm("dot", x, w))),
  ...(["x8", "f8"] as const).map((x) => integerForm("split", x, "s8")),
  ...(["i8", "u8", "u4"] as const).flatMap((x) =>
    narrowWeights.map((w) => integerForm("deep", x, w)),
  ),
  ...(["x8", "f8", "u4"] as const).flatMap((x) =>
    blockWeights.map((w) => integerForm("dot", x, w)),
  ),
  ...(["i8", "u8", "u4"] as const).flatMap((x) =>
    blockWeights.map((w) => integerForm("pairs", x, w)),
  ),
  ...(["simd128", "relaxed"] as const).flatMap((isa) =>
    (["i2", "b1"] as const).map((w) => integerForm("tables", "u4", w, isa)),
  ),
];

/** Every form by its name. */
export const gemmForms: ReadonlyMap<string, GemmForm> = new Map(
  forms.map((form) => [form.name, form]),
);

export function gemmForm(name: string): GemmForm {
  return gemmForms.get(name)!;
}

export function gemmKernelName(operation: GemmOperation, form: string): string {
  return `${operation}_${form}`;
}

/**
 * One instruction multiplies 4 floats, 8 pairs of int16 or 16 bytes. A swizzle looks up the sums of 4
 * activations in 16 columns for one of the bits of a weight. Sums of two dots of split weights take a third.
 */
function boundOf({ method, weightBits: bits }: GemmForm): KernelBound {
  switch (method) {
    case "float":
      return { unit: "float", macs: 4 };
    case "pairs":
      return { unit: "multiply", macs: 8 };
    case "dot":
      return { unit: "dot", macs: 16 };
    case "deep":
      return { unit: "deep", macs: 16 };
    case "split":
      return { unit: "deep", macs: 32 / 3 };
    case "tables":
      return { unit: "swizzle", macs: (4 * 16) / bits };
  }
}

export const gemmKernels: readonly Kernel[] = forms.flatMap((form) =>
  form.operations.map((operation): Kernel => ({
    name: gemmKernelName(operation, form.name),
    isa: form.isa,
    module: form.module,
    parameters: blocks[operation],
    bound: boundOf(form),
    ...(form.maxDepth === undefined ? {} : { maxDepth: form.maxDepth }),
  })),
);
