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

/** Transformed weights, 36 int16 per filter, that the second-level cache holds beside the rest. */
const WINOGRAD_CACHED_BYTES = 320 * 1024;

/**
 * A quarter of the multiplies pays for the transforms from about here (bench/kernels.ts). Small maps
 * waste the cells beyond their edge. Where the relaxed dot makes direct convolution as fast as its
 * multiplies, Winograd wins only with weights that stay in cache: eight times the bytes of int8.
 */
export function isWorthWinograd(
  { inputChannels, outputChannels, output }: WinogradFacts,
  isDotMachine: boolean,
): boolean {
  const [height, width] = output;
  const used = (height * width) / (Math.ceil(height / 4) * Math.ceil(width / 4) * 16);
  if (inputChannels < 16 || outputChannels < 32 || used < 0.5) return false;
  return !isDotMachine || inputChannels * outputChannels * 72 <= WINOGRAD_CACHED_BYTES;
}
