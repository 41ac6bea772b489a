/**
 * A kernel is one WebAssembly export with the signature
 * `(parameters: usize, scratch: usize, tile: i32) => void`:
 * `parameters` points to a block of 4-byte fields, `scratch` to memory of the calling thread alone,
 * `tile` is an index below the step's tile count. Tiles write disjoint outputs in any order.
 */
export interface Kernel {
  /** The export's name: `<op>_<activation>_<weight>_<mr>x<nr>c<kr>[_<isa>]`. */
  readonly name: string;
  /** Instruction set that the export needs. */
  readonly isa: "simd128" | "relaxed";
  /** The export list it stands in: `assembly/plain/<module>.ts`, or `assembly/relaxed/` by its `isa`. */
  readonly module: KernelModule;
  /** Fields of its parameter block, in order; the same as its `@unmanaged` class in `assembly/`. */
  readonly parameters: readonly string[];
  /** Those of `parameters` that are float32; the others are int32 or addresses. */
  readonly floats?: readonly string[];
  /** What bounds a kernel that multiplies. The others move bytes. */
  readonly bound?: KernelBound;
  /** Longest reduction that cannot overflow its accumulators, for any operands. */
  readonly maxDepth?: number;
}

/**
 * Kernels that are loaded together, and only where a plan uses one of them: what nearly every network
 * needs, what few do, then layers by what they multiply.
 */
export type KernelModule =
  "core" | "seldom" | "float" | "int8" | "low-bit" | "blocks" | "minifloat" | "chunked";

/** A compiled module: its instruction set and its export list. */
export type ModuleName = `${"plain" | "relaxed"}/${KernelModule}`;

export function moduleOf({ isa, module }: Kernel): ModuleName {
  return `${isa === "relaxed" ? "relaxed" : "plain"}/${module}`;
}

/**
 * The instruction that a kernel cannot do without, and the multiply-accumulates of one of them with every
 * lane in use: `dot` and `deep` are the relaxed dots of bytes into int32 (it accumulates) and int16,
 * `multiply` is `i32x4.dot_i16x8_s`, `float` a multiply and an add.
 */
export interface KernelBound {
  readonly unit: "dot" | "deep" | "multiply" | "float" | "swizzle";
  readonly macs: number;
}
