/** Which kernel takes which shape: pure functions of facts, to be asked on any host. */
import { gemmKernelName, hasGemmKernel, type GemmOperands, type GemmOperation } from "./gemm.ts";

/** What the choice of a convolution kernel depends on. */
export interface ConvFacts {
  readonly operands: GemmOperands;
  /** Every window is one contiguous row of x: 1x1 with stride 1, or a window as large as the image. */
  readonly hasContiguousRows: boolean;
  /** A tap fills whole 32-bit units when packed. */
  readonly hasWholeUnits: boolean;
  /** Taps of all output pixels of one image: entries of an indirection table. */
  readonly entries: number;
}

/**
 * Packing straight from the input beats the copied window for every depth of pixel that it can take
 * (bench/kernels.ts), but its table takes memory: this many entries, 256 KiB, and no more.
 */
const INDIRECT_ENTRIES = 1 << 16;

/** Operations that can compute the shape, the preferred one first. */
export function convOperations(facts: ConvFacts): GemmOperation[] {
  const { operands, hasContiguousRows, hasWholeUnits, entries } = facts;
  const windows: GemmOperation[] =
    entries <= INDIRECT_ENTRIES ? ["igemm", "conv"] : ["conv", "igemm"];
  return [
    ...(hasContiguousRows ? (["gemm"] as const) : []),
    ...windows.filter(
      (operation) => hasGemmKernel(operation, operands) && (operation !== "igemm" || hasWholeUnits),
    ),
  ];
}

/** The kernel of a convolution: `forced` if it fits the shape, else the preferred one. */
export function selectConvKernel(
  facts: ConvFacts,
  forced?: string,
): { operation: GemmOperation; kernel: string } {
  const fitting = convOperations(facts).map((operation) => ({
    operation,
    kernel: gemmKernelName(operation, facts.operands),
  }));
  return fitting.find(({ kernel }) => kernel === forced) ?? fitting[0]!;
}

/** What the choice of Winograd depends on. */
export interface WinogradFacts {
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly output: readonly [height: number, width: number];
}

/**
 * Cycles of this family's parts, from bench/kernels.ts: multiply-accumulates of direct convolution and
 * of Winograd, the transform of a filter, of an input tile per channel, and of an output tile per column
 * with the start and end of its products.
 */
const CYCLES = {
  dot: 1 / 30,
  pairs: 1 / 13,
  filter: 10,
  input: 8,
  output: 40,
} as const;
/** Output tiles that share one transform of the weights, about. */
const SHARED_TILES = 48;
/** What Winograd must save to be worth its memory traffic. */
const LEAST_GAIN = 0.9;

/** A quarter of the multiplies must pay for the transforms, and for the cells beyond a small map. */
export function isWorthWinograd(
  { inputChannels: c, outputChannels: n, output: [height, width] }: WinogradFacts,
  isDotMachine: boolean,
): boolean {
  const tiles = Math.ceil(height / 4) * Math.ceil(width / 4);
  const direct = height * width * 9 * c * n * (isDotMachine ? CYCLES.dot : CYCLES.pairs);
  const winograd =
    tiles * 36 * c * n * CYCLES.pairs +
    Math.ceil(tiles / SHARED_TILES) * c * n * CYCLES.filter +
    tiles * (c * CYCLES.input + n * CYCLES.output);
  return winograd < LEAST_GAIN * direct;
}
