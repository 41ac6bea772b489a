/** Which kernel takes which shape: pure functions of facts, to be asked on any host. */
import { type GemmForm, gemmForm, gemmForms, gemmKernelName, type GemmOperation } from "./gemm.ts";
import { WINOGRAD_QUAD, winogradTiles } from "./winograd.ts";

/** What the choice of operands and tile depends on. */
export interface OperandFacts {
  /** Activations as the graph has them; "narrow": int8 or uint8 that packing narrows. */
  readonly activations: "int8" | "uint8" | "narrow";
  /** Largest code of narrow activations. */
  readonly largestActivation?: number | undefined;
  /** Fewest bits that hold a weight, 16 where it does not fit int8. */
  readonly weightBits: 1 | 2 | 4 | 8 | 16;
  /** Weights have a scale for each block of depth. */
  readonly hasBlocks?: boolean;
  /** Few units of split weights are read again, and the int16 dot takes unsigned bytes. */
  readonly isSplit?: boolean;
  readonly depth: number;
  readonly columns: number;
  readonly isa: "simd128" | "relaxed";
  /** What the relaxed dot with accumulation does, where it is one exact instruction. */
  readonly dot: "usdot" | "sdot" | undefined;
}

/**
 * Forms that can compute a product, the preferred one first (figures: docs/low-bit.md). Weights stay
 * packed; forms that keep them as bytes come last.
 */
function productForms(facts: OperandFacts): GemmForm[] {
  const { activations, weightBits, isa, dot } = facts;
  const i8 = activations === "uint8" ? "u8" : activations === "narrow" ? "u4" : "i8";
  // The dot reads bytes as its class does: codes of the other kind are flipped.
  const isFlipped = (activations === "uint8") !== (dot === "usdot");
  const x8 = activations === "narrow" ? "u4" : isFlipped ? "f8" : "x8";
  const packed = weightBits === 1 ? ["b1", "i2"] : weightBits < 8 ? [`i${weightBits}`] : [];
  const relaxed = isa === "relaxed";
  const tables = (w: string): string[] => {
    if (activations !== "narrow") return [];
    const tile = w === "b1" ? "4x16c4" : "2x16c4";
    return [...(relaxed ? [`u4_${w}_${tile}_relaxed`] : []), `u4_${w}_${tile}`];
  };
  const dots = (w: string, rows = 6): string[] =>
    dot === undefined ? [] : [`${x8}_${w}_${rows}x8c4_relaxed`];
  const deep = (w: string): string[] => (relaxed ? [`${i8}_${w}_4x8c4_relaxed`] : []);
  if (facts.hasBlocks === true) {
    return namedForms([...dots(`g${weightBits}`, 5), `${i8}_g${weightBits}_4x8c2`]);
  }
  const ofPacked = packed.flatMap((w) => {
    const products = [...dots(w), ...deep(w), `${i8}_${w}_4x8c2`];
    return isWorthTables(facts, w) ? [...tables(w), ...products] : [...products, ...tables(w)];
  });
  const split =
    facts.isSplit === true ? [`${activations === "uint8" ? "x8" : "f8"}_s8_4x8c4_relaxed`] : [];
  const ofBytes =
    weightBits === 16 ? [...split, `${i8}_i16_4x8c2`] : [...dots("i8"), ...split, `${i8}_i8_4x8c2`];
  return namedForms([...ofPacked, ...ofBytes]).filter((form) => holdsDepth(form, facts.depth));
}

function namedForms(names: readonly string[]): GemmForm[] {
  return names.map((name) => gemmForms.get(name)).filter((form) => form !== undefined);
}

/**
 * Depth up to which rows of float32 are read where they lie (docs/performance.md): five or six long rows, each
 * fetched on its own, are slower than one strip of four.
 */
const MAX_ROWS_DEPTH = 1536;

/**
 * The form of a float32 product: `forced` if it names one, else by depth.
 * @param mayFuse products and sums may be rounded once, which changes results
 */
export function selectFloatForm(depth: number, forced?: string, mayFuse = false): GemmForm {
  const rows = mayFuse ? "f32_f32_6x8c1_relaxed" : "f32_f32_5x8c1";
  const other = [...gemmForms.values()].find(
    ({ method, name, isa }) =>
      method === "float" && (mayFuse || isa === "simd128") && forced?.endsWith(name),
  );
  return other ?? gemmForm(depth <= MAX_ROWS_DEPTH ? rows : "f32_f32_4x8c1");
}

/** One bit has no code for a weight of 0 behind the last value of depth. */
function holdsDepth({ weightBits, unitElements, stepUnits }: GemmForm, depth: number): boolean {
  return weightBits > 1 || depth % (unitElements * stepUnits) === 0;
}

/**
 * Columns from which look-up beats the product that the machine would take (bench/low-bit.ts). A row's
 * tables cost what a panel of 16 columns does; one plane needs half the swizzles of two, and activations of
 * 2 bits a fifth of the flushes.
 */
const TABLE_COLUMNS = {
  one: { dot: 128, deep: 64, pairs: 64 },
  two: { dot: Infinity, deep: 256, pairs: 128 },
  twoShort: { dot: 256, deep: 256, pairs: 128 },
} as const;

function isWorthTables(facts: OperandFacts, weight: string): boolean {
  const { columns, isa, dot, largestActivation = 15 } = facts;
  const product = dot !== undefined ? "dot" : isa === "relaxed" ? "deep" : "pairs";
  const planes = weight === "b1" ? "one" : largestActivation <= 3 ? "twoShort" : "two";
  return columns >= TABLE_COLUMNS[planes][product];
}

/** The preferred form, or that of the kernel `forced` if it fits. */
export function selectForm(facts: OperandFacts, forced?: string): GemmForm {
  const fitting = productForms(facts);
  const suffix = forced?.slice(forced.indexOf("_") + 1);
  return fitting.find(({ name }) => name === suffix) ?? fitting[0]!;
}

/** What the choice of a convolution kernel depends on. */
export interface ConvFacts {
  /** Name of the form. */
  readonly form: string;
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
  const { form, hasContiguousRows, hasWholeUnits, entries } = facts;
  const windows: GemmOperation[] =
    entries <= INDIRECT_ENTRIES ? ["igemm", "conv"] : ["conv", "igemm"];
  const { operations } = gemmForm(form);
  return [
    ...(hasContiguousRows ? (["gemm"] as const) : []),
    ...windows.filter((operation) => operation !== "igemm" || hasWholeUnits),
  ].filter((operation) => operations.includes(operation));
}

/** The kernel of a convolution: `forced` if it fits the shape, else the preferred one. */
export function selectConvKernel(
  facts: ConvFacts,
  forced?: string,
): { operation: GemmOperation; kernel: string } {
  const fitting = convOperations(facts).map((operation) => ({
    operation,
    kernel: gemmKernelName(operation, facts.form),
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
 * of Winograd, the window of a pixel, the transform of a filter, of an input tile per channel, and of an output
 * tile per column with the start and end of its products.
 */
const CYCLES = {
  dot: 1 / 32,
  pairs: 1 / 14,
  window: 30,
  filter: 5,
  input: 8,
  output: 25,
} as const;
/** Output tiles that share one transform of the weights, about. */
const SHARED_TILES = 48;
/** What Winograd must save to be worth its memory traffic. */
const LEAST_GAIN = 0.92;

/**
 * A quarter of the multiplies must pay for the transforms, and for the cells beyond a small map.
 * @param isDirectFast direct convolution has the relaxed dot, or is looked up
 */
export function isWorthWinograd(
  { inputChannels: c, outputChannels: n, output }: WinogradFacts,
  isDirectFast: boolean,
): boolean {
  const { tiles, narrow } = winogradTiles(output);
  const pixels = output[0] * output[1];
  const direct = pixels * (9 * c * n * (isDirectFast ? CYCLES.dot : CYCLES.pairs) + CYCLES.window);
  const positions = 36 * WINOGRAD_QUAD * Math.ceil(tiles / WINOGRAD_QUAD) - 12 * narrow;
  const winograd =
    positions * c * n * CYCLES.pairs +
    Math.ceil(tiles / SHARED_TILES) * c * n * CYCLES.filter +
    tiles * (c * CYCLES.input + n * CYCLES.output);
  return winograd < LEAST_GAIN * direct;
}
