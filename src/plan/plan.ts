/**
 * A plan: every decision of a model, made once, as plain data without addresses. The schedule binds
 * it to one linear memory.
 */
import type { ModuleName } from "../kernels/index.ts";

/** A region of the arena, reused by live range; or an alias of a part of another one. */
export interface BufferPlan {
  readonly label: string;
  readonly sizeBytes: number;
  /** Steps between which the bytes must survive, inclusive. −1: before the first step. */
  firstStep: number;
  lastStep: number;
  /** Offset in the arena, given by the memory planner. */
  offset: number;
}

/** Immutable bytes placed once at load: packed weights, tables, constant operands. */
export interface ConstantPlan {
  readonly label: string;
  readonly sizeBytes: number;
  /** Writes the bytes; called again when a memory is rebuilt. */
  readonly fill: (target: Uint8Array) => void;
  offset: number;
}

/** An address that is known once the plan is bound. */
export type Pointer =
  | { readonly space: "arena"; readonly buffer: number; readonly byteOffset: number }
  | { readonly space: "constant"; readonly constant: number; readonly byteOffset: number };

/** One 4-byte field of a parameter block. */
export type Field =
  | { readonly kind: "i32"; readonly value: number }
  | { readonly kind: "f32"; readonly value: number }
  | { readonly kind: "pointer"; readonly pointer: Pointer };

export interface KernelStep {
  readonly kind: "kernel";
  readonly kernel: string;
  /** Index into the graph's nodes. */
  readonly node: number;
  readonly label: string;
  readonly parameters: readonly Field[];
  readonly tiles: number;
  readonly macs: number;
  /** Bytes of per-thread scratch that a tile may use. */
  readonly scratchBytes: number;
}

/** An operator without a kernel: its `reference()` runs on the calling thread. */
export interface ReferenceStep {
  readonly kind: "reference";
  readonly node: number;
  readonly label: string;
  readonly macs: number;
}

export type Step = KernelStep | ReferenceStep;

export interface Plan {
  readonly steps: readonly Step[];
  /** The modules that hold the kernels of the steps. */
  readonly modules: readonly ModuleName[];
  readonly buffers: readonly BufferPlan[];
  readonly constants: readonly ConstantPlan[];
  /** Values whose int8 codes lie in memory as uint8, 128 higher, by value id. */
  readonly flipped: ReadonlySet<number>;
  /** Where each graph value that is not eliminated lies, by value id. */
  readonly places: ReadonlyMap<number, Pointer>;
  readonly arenaBytes: number;
  /** Largest sum of live buffers over the steps: no arena can be smaller. */
  readonly arenaLowerBound: number;
  readonly constantBytes: number;
  readonly scratchBytes: number;
}
