import type { Graph, Node, ValueId } from "../../graph/index.ts";
import type { Kernel } from "../../kernels/index.ts";
import type { Rounding } from "../../quantization/index.ts";
import type { Tensor, TensorType } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";

/** The machine a plan is made for. Facts only: a plan for another machine can be made on any host. */
export interface Machine {
  readonly isa: "simd128" | "relaxed";
  /** What the relaxed dot with accumulation does with its second operand; none: do not use it. */
  readonly dot?: "usdot" | "sdot" | "saturating" | "none";
  /** The relaxed multiply-add of float32 rounds once; default: it does, as on all machines with such a dot. */
  readonly isFused?: boolean;
  /** The engine pairs vectors to 256 bits, but not those of multiply-adds (`revectorize`). Default: it does not. */
  readonly isPaired?: boolean;
  /** Threads that share the steps of a plan; default: more than one. */
  readonly threads?: number;
}

/** Steps are cut for several threads. What is cut packs its operands again. */
export function isShared({ threads = 2 }: Machine): boolean {
  return threads > 1;
}

/** The relaxed dot is one exact instruction on this machine. */
export function hasDot({ isa, dot }: Machine): boolean {
  return isa === "relaxed" && (dot === "usdot" || dot === "sdot");
}

/** Its multiply-add of float32 is one instruction, that rounds once, and the fastest way to add products. */
export function hasMadd({ isa, isFused = true, isPaired }: Machine): boolean {
  return isa === "relaxed" && isFused && isPaired !== true;
}

/** What a lowering asks for one kernel step. `fields` has one entry per parameter of the kernel. */
export interface StepRequest {
  readonly kernel: string;
  readonly fields: Readonly<Record<string, number | Pointer>>;
  readonly tiles: number;
  readonly macs?: number;
  readonly scratchBytes?: number;
  /** Shown by `inspect` beside the kernel, e.g. "3x3 s2 32x112x112". */
  readonly note?: string;
}

/** Rows of bytes at a distance of `stride`. */
export interface Rows {
  readonly pointer: Pointer;
  readonly stride: number;
}

/** What a lowering may see and do. One context per node. */
export interface LowerContext {
  readonly graph: Graph;
  readonly node: Node;
  readonly rounding: Rounding;
  readonly machine: Machine;
  /** The machine has a multiply-add (`hasMadd`), and the caller takes results that depend on that. */
  readonly mayFuse: boolean;
  /** Kernel that must be taken if it fits (tests and benches), else undefined. */
  readonly forced: string | undefined;

  /** Types of the node's inputs and outputs as they lie in memory (`src/plan/flip.ts`). */
  readonly inputs: readonly (TensorType | undefined)[];
  readonly outputs: readonly TensorType[];

  /** Data of input i where it is constant. */
  constant(input: number): Tensor | undefined;
  /** Address of input i: arena, or its constant bytes as stored (16-byte aligned). */
  input(input: number): Pointer;
  /** Address of any value that an earlier step has written: what stands in for an input. */
  place(value: ValueId): Pointer;
  /** Address of output i. Every call gives the same place. */
  output(output: number): Pointer;
  /** The same for kernels that can leave gaps between the rows of `rowBytes` that they write. */
  outputRows(output: number, rowBytes: number): Rows;
  /** Gives a value a place in a form that only its readers know, in place of its codes. */
  expanded(value: ValueId, sizeBytes: number): Pointer;
  /** Immutable bytes of this node's own: packed weights, tables. */
  addConstant(label: string, sizeBytes: number, fill: (target: Uint8Array) => void): Pointer;
  /** Arena bytes that live only during this node's steps. */
  temporary(label: string, sizeBytes: number): Pointer;
  /**
   * Makes output and input the same bytes: a move that needs no work. False if not possible. With
   * `isSameForm` both lie in a form that only their readers know, whatever their types' sizes.
   */
  alias(output: number, input: number, isSameForm?: boolean): boolean;
  /** The same for an output that is the input's bytes from an offset on. */
  part(output: number, input: number, byteOffset: number): boolean;
  /**
   * Lets the output replace an input of its size, if nothing else reads that later. Only for kernels that
   * read each byte of it just before they write there. False: the output lies elsewhere.
   */
  overwrite(output: number, input: number): boolean;
  /** The input was written where the output has it. */
  isInPlace(input: number): boolean;
  /** Appends a step. Field names not in the kernel's row, or missing, are an internal error. */
  step(request: StepRequest): void;
}

/** Turns one node into steps. False: no kernel takes this form; nothing may have been appended. */
export type Lowering<A = never> = (context: LowerContext, attributes: A) => boolean;

/** What input and output i are in the graph: int8 where memory holds them as uint8, 128 higher. */
export function declaredInput({ graph, node }: LowerContext, i: number): TensorType {
  return graph.values[node.inputs[i]!]!.type;
}

export function declaredOutput({ graph, node }: LowerContext, i: number): TensorType {
  return graph.values[node.outputs[i]!]!.type;
}

/** A pointer moved by bytes. */
export function advance(pointer: Pointer, bytes: number): Pointer {
  return { ...pointer, byteOffset: pointer.byteOffset + bytes };
}

export type { ValueId };

/** By the name of the operator, with the kernels that they may take. */
export interface Lowerings {
  readonly byOperator: ReadonlyMap<string, Lowering>;
  readonly kernels: ReadonlyMap<string, Kernel>;
  /** The types of the values that their producers store in another one than the graph's. */
  readonly stored?: (
    sight: Pick<LowerContext, "graph" | "machine"> & { readonly forced?: string },
  ) => ReadonlyMap<ValueId, TensorType>;
}
