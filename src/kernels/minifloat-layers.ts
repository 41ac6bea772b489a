/**
 * Layers with minifloat weights: `assembly/gemm-minifloat.ts`, `conv-minifloat.ts`,
 * `conv-minifloat-dot.ts`, and the steps around them, `minifloat-round.ts`, `minifloat-rows.ts`.
 *
 * A panel in memory: codes in the order of the open panel, then its tail. Panels as in `packing.ts`: a
 * unit is one float32, two or four integers of depth.
 *
 *     │ [unit][8 columns][k of the unit] codes │ int32 start[8] │ f32 scale[8] │ f32 bias[8] │ low[4] high[4] │
 */
import type { Minifloat } from "../formats/index.ts";
import { GEMM_NR, gemmKernels, type GemmOperation } from "./gemm.ts";
import type { Kernel, KernelBound } from "./kernel.ts";
import { decodeKernelOf, encodeFields, minifloatTable } from "./minifloat.ts";
import { integerUnits } from "./packing.ts";

/** x as kernels read it: float32, int8, bytes as the relaxed dot reads them, int16. */
export type MinifloatOperand = "f32" | "i8" | "x8" | "i16";
/** Weights in memory: codes of 8, 6, 4 bits; float32 where no kernel decodes the format. */
export type MinifloatWeights = "m8" | "m6" | "m4" | "w32";

interface OperandRow {
  readonly tile: string;
  readonly rows: 4 | 5;
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
    ...{ tile: "4x8c1", rows: 4, unitElements: 1, elementBytes: 4 },
    ...{ weights: ["m8", "m6", "m4", "w32"], operations: ALL },
    bound: { unit: "float", macs: 4 },
  },
  i8: {
    ...{ tile: "4x8c2", rows: 4, unitElements: 2, elementBytes: 1 },
    ...{ weights: ["m6", "m4"], operations: ALL },
    bound: { unit: "multiply", macs: 8 },
  },
  x8: {
    ...{ tile: "5x8c4_relaxed", rows: 5, unitElements: 4, elementBytes: 1 },
    ...{ weights: ["m6", "m4"], operations: ["gemm", "conv"] },
    bound: { unit: "dot", macs: 16 },
  },
  i16: {
    ...{ tile: "4x8c2", rows: 4, unitElements: 2, elementBytes: 2 },
    ...{ weights: ["m6", "m4"], operations: ALL },
    bound: { unit: "multiply", macs: 8 },
  },
};

export function minifloatKernelName(
  operation: GemmOperation,
  operand: MinifloatOperand,
  weights: MinifloatWeights,
): string {
  return `${operation}_${operand}_${weights}_${minifloatOperands[operand].tile}`;
}

/** The block that kernels of an operation share. */
function blockOf(operation: GemmOperation): readonly string[] {
  return gemmKernels.find(({ name }) => name.startsWith(`${operation}_`))!.parameters;
}

const layerKernels = (Object.keys(minifloatOperands) as MinifloatOperand[]).flatMap((operand) => {
  const { operations, weights, unitElements, bound } = minifloatOperands[operand];
  return operations.flatMap((operation) =>
    weights.map((own): Kernel => {
      return {
        name: minifloatKernelName(operation, operand, own),
        isa: unitElements === 4 ? "relaxed" : "simd128",
        module: "minifloat",
        parameters: [...blockOf(operation), "codeTable", "panel", "finest"],
        bound,
      };
    }),
  );
});

const roundParameters = [
  ...[
    "x",
    "y",
    "count",
    "tileCount",
    "drop",
    "half",
    "keep",
    "leastNormal",
    "magic",
    "nan",
    "flip",
  ],
  ...["max", "scale", "unit"],
];

export const minifloatLayerKernels: readonly Kernel[] = [
  ...layerKernels,
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
    name: "windows_f32",
    isa: "simd128",
    module: "minifloat",
    parameters: [
      ...["x", "y", "m", "tileRows", "height", "width", "channels", "outHeight", "outWidth"],
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
  const { drop, half, leastNormal, magic } = encodeFields(format, true) as Record<
    "drop" | "half" | "leastNormal" | "magic",
    number
  >;
  const nan = format.hasNaN ? 0x7fc00000 : 0;
  return { drop, half, keep: -1 << drop, leastNormal, magic, nan, max: format.max, unit };
}

/** How the weights of a format lie in memory. */
export function minifloatWeightsOf(format: Minifloat): MinifloatWeights {
  const isPacked = format.bits === 8 || format.bits === 6 || format.bits === 4;
  return isPacked && decodeKernelOf(format) !== undefined
    ? (`m${format.bits}` as MinifloatWeights)
    : "w32";
}

/** Codes that are opened at a time. */
const GROUP = 16;
/** Tail of a panel, and what opening may write behind it. */
const TAIL_BYTES = 128;
const SLACK_BYTES = 64;

export interface MinifloatPanels {
  readonly format: Minifloat;
  readonly operand: MinifloatOperand;
  readonly weights: MinifloatWeights;
  readonly depth: number;
}

/** Units of a row of x. */
export function minifloatUnits({ operand, depth }: MinifloatPanels): number {
  const { unitElements } = minifloatOperands[operand];
  return unitElements === 1 ? depth : integerUnits(depth, { unitElements, weightBytes: 1 });
}

function panelCodes(panels: MinifloatPanels): number {
  return minifloatUnits(panels) * GEMM_NR * minifloatOperands[panels.operand].unitElements;
}

function codeBytes(panels: MinifloatPanels): number {
  const { weights, format } = panels;
  const codes = panelCodes(panels);
  return weights === "w32" ? codes * 4 : (Math.ceil(codes / GROUP) * GROUP * format.bits) / 8;
}

/** Bytes from panel to panel. */
export function minifloatPanelBytes(panels: MinifloatPanels): number {
  return codeBytes(panels) + TAIL_BYTES;
}

/** Bytes of scratch that an open panel takes. */
export function openPanelBytes(panels: MinifloatPanels): number {
  if (panels.weights === "w32") return 0;
  const codes = Math.ceil(panelCodes(panels) / GROUP) * GROUP;
  return codes * minifloatOperands[panels.operand].elementBytes + TAIL_BYTES + SLACK_BYTES;
}

export interface MinifloatMatrix {
  /** Codes [columns][depth]. */
  readonly codes: Uint8Array | Uint16Array;
  /** Codes of the format as they lie in memory. */
  pack(codes: Uint16Array): Uint8Array;
  readonly columns: number;
  readonly firstColumn: number;
  /** What a sum starts from; 0 for floats. */
  readonly start: (column: number) => number;
  readonly scale: (column: number) => number;
  readonly bias: Float32Array | undefined;
  readonly low: number;
  readonly high: number;
}

/** Writes the panels of columns [firstColumn, firstColumn + columns); `target` is zero. */
export function packMinifloatPanels(
  target: Uint8Array,
  panels: MinifloatPanels,
  { codes, pack, columns, firstColumn, start, scale, bias, low, high }: MinifloatMatrix,
): void {
  const { depth, format, weights, operand } = panels;
  const { unitElements } = minifloatOperands[operand];
  const bytes = minifloatPanelBytes(panels);
  const tail = codeBytes(panels);
  for (let first = 0; first < columns; first += GEMM_NR) {
    const own = new Uint16Array(panelCodes(panels));
    const view = new DataView(target.buffer, target.byteOffset + (first / GEMM_NR) * bytes, bytes);
    for (let column = 0; column < Math.min(GEMM_NR, columns - first); column++) {
      const channel = firstColumn + first + column;
      for (let k = 0; k < depth; k++) {
        const unit = Math.floor(k / unitElements);
        own[(unit * GEMM_NR + column) * unitElements + (k % unitElements)] =
          codes[channel * depth + k]!;
      }
      view.setInt32(tail + column * 4, start(channel), true);
      view.setFloat32(tail + 32 + column * 4, scale(channel), true);
      view.setFloat32(tail + 64 + column * 4, bias?.[channel] ?? 0, true);
    }
    for (let lane = 0; lane < 4; lane++) {
      view.setFloat32(tail + 96 + lane * 4, low, true);
      view.setFloat32(tail + 112 + lane * 4, high, true);
    }
    if (weights === "w32") {
      own.forEach((code, i) => view.setFloat32(i * 4, format.decode(code), true));
    } else {
      new Uint8Array(view.buffer, view.byteOffset).set(pack(own));
    }
  }
}

/** Bytes of the table of a panel's kernel. */
export const INTEGER_TABLE_BYTES = 80;

/** The table of a kernel: `MinifloatTable` for float32, that of `minifloat-panels.ts` for integers. */
export function minifloatPanelTable(format: Minifloat, unit: number | undefined): Uint8Array {
  if (unit === undefined) return minifloatTable(format);
  const table = new Uint8Array(INTEGER_TABLE_BYTES);
  const magnitudes = 2 ** (format.bits - 1);
  for (let code = 0; code < magnitudes; code++) {
    const value = format.decode(code) * unit;
    table[code] = value & 0xff;
    table[32 + code] = value >> 8;
  }
  return table.fill(magnitudes - 1, 64);
}
