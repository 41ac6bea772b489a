/**
 * Where the values of a graph lie: in buffers of their own, in the bytes of another value, or among the
 * constants. Live ranges grow as steps touch them.
 */
import { InternalError } from "../errors.ts";
import { ABSENT, type Graph, type Node, type ValueId } from "../graph/index.ts";
import { type TensorType, typeBytes } from "../tensor/index.ts";
import { advance, type Rows } from "./lower/context.ts";
import type { BufferPlan, ConstantPlan, Pointer } from "./plan.ts";
import { type Slice, slicesOf } from "./slices.ts";

export class Places {
  readonly buffers: BufferPlan[] = [];
  readonly constants: ConstantPlan[] = [];
  readonly byValue = new Map<ValueId, Pointer>();
  readonly #graph: Graph;
  readonly #typeOf: (id: ValueId) => TensorType;
  readonly #slices: ReadonlyMap<ValueId, Slice>;
  /** The values of each buffer. */
  readonly #residents: ValueId[][] = [];
  /** The last node that may read a value, by value. */
  readonly #lastReaders: readonly number[];
  /** Slices whose rows lie apart. */
  readonly #strided = new Set<ValueId>();

  /** @param typeOf the type in which a value lies in memory */
  constructor(graph: Graph, typeOf: (id: ValueId) => TensorType) {
    this.#graph = graph;
    this.#typeOf = typeOf;
    this.#slices = slicesOf(graph, typeOf);
    this.#lastReaders = lastReaders(graph);
  }

  /** The place of a value, given on first use: constants as stored, the rest in the arena. */
  of(id: ValueId, step: number): Pointer {
    const known = this.byValue.get(id);
    if (known !== undefined) return known;
    const { name, constant } = this.#graph.values[id]!;
    if (constant !== undefined) {
      return this.#set(
        id,
        this.addConstant(name, constant.data.byteLength, (target) => {
          const { buffer, byteOffset, byteLength } = constant.data;
          target.set(new Uint8Array(buffer, byteOffset, byteLength));
        }),
      );
    }
    const slice = this.#slices.get(id);
    return slice?.rows === 1
      ? this.#set(id, advance(this.of(slice.whole, step), slice.byteOffset))
      : this.#set(id, this.addBuffer(name, this.#bytes(id), step));
  }

  /** The same for who can leave gaps between rows of `rowBytes`. */
  rowsOf(id: ValueId, step: number, rowBytes: number): Rows {
    const slice = this.#slices.get(id);
    const isApart = slice !== undefined && slice.rows > 1 && slice.rowBytes === rowBytes;
    if (!isApart || (this.byValue.has(id) && !this.#strided.has(id))) {
      return { pointer: this.of(id, step), stride: rowBytes };
    }
    this.#strided.add(id);
    const pointer =
      this.byValue.get(id) ?? this.#set(id, advance(this.of(slice.whole, step), slice.byteOffset));
    return { pointer, stride: slice.pitch };
  }

  /** A value was written into the bytes of the whole that it is a slice of. */
  isInPlace(id: ValueId): boolean {
    const slice = this.#slices.get(id);
    const place = this.byValue.get(id);
    const whole = slice === undefined ? undefined : this.byValue.get(slice.whole);
    if (slice === undefined || place?.space !== "arena" || whole?.space !== "arena") return false;
    return (
      place.buffer === whole.buffer &&
      place.byteOffset === whole.byteOffset + slice.byteOffset &&
      (slice.rows === 1 || this.#strided.has(id))
    );
  }

  expand(id: ValueId, sizeBytes: number, step: number): Pointer {
    if (this.byValue.has(id)) throw new InternalError(`expected value ${id} without a place`);
    return this.#set(id, this.addBuffer(this.#graph.values[id]!.name, sizeBytes, step));
  }

  /** Gives a value the bytes of another one. False: it has a place, or must have one of its own. */
  alias(output: ValueId, input: ValueId, isSameForm: boolean, step: number): boolean {
    if (this.byValue.has(output) || this.#graph.values[input]!.constant !== undefined) return false;
    if (!isSameForm && this.#bytes(input) !== this.#bytes(output)) return false;
    this.#set(output, this.of(input, step));
    return true;
  }

  /** The same for a part of the bytes. The outputs of the graph stay buffers of their own. */
  part(output: ValueId, input: ValueId, byteOffset: number, step: number): boolean {
    if (this.byValue.has(output) || this.#graph.values[input]!.constant !== undefined) return false;
    if (this.#graph.outputs.includes(output)) return false;
    this.#set(output, advance(this.of(input, step), byteOffset));
    return true;
  }

  /**
   * Gives a node's output the bytes of an input of the same size that nothing reads afterwards. For
   * kernels that read what they overwrite, and nothing else of that tensor.
   */
  overwrite(node: Node, index: number, output: ValueId, input: ValueId): boolean {
    const place = this.byValue.get(input);
    if (this.byValue.has(output) || place?.space !== "arena" || place.byteOffset > 0) return false;
    if (this.#slices.has(output) || this.#strided.has(input)) return false;
    const sizeBytes = this.#bytes(output);
    if (this.buffers[place.buffer]!.sizeBytes !== sizeBytes) return false;
    const residents = this.#residents[place.buffer]!;
    if (residents.some((id) => this.#lastReaders[id]! > index)) return false;
    const others = node.inputs.filter((id) => id !== input && residents.includes(id));
    if (others.some((id) => this.#bytes(id) !== sizeBytes)) return false;
    this.#set(output, place);
    return true;
  }

  addBuffer(label: string, sizeBytes: number, step: number): Pointer {
    this.buffers.push({ label, sizeBytes, firstStep: step, lastStep: step, offset: 0 });
    this.#residents.push([]);
    return { space: "arena", buffer: this.buffers.length - 1, byteOffset: 0 };
  }

  addConstant(label: string, sizeBytes: number, fill: ConstantPlan["fill"]): Pointer {
    this.constants.push({ label, sizeBytes, fill, offset: 0 });
    return { space: "constant", constant: this.constants.length - 1, byteOffset: 0 };
  }

  touch(pointer: Pointer, step: number): void {
    if (pointer.space !== "arena") return;
    const buffer = this.buffers[pointer.buffer]!;
    buffer.firstStep = Math.min(buffer.firstStep, step);
    buffer.lastStep = Math.max(buffer.lastStep, step);
  }

  #set(id: ValueId, pointer: Pointer): Pointer {
    this.byValue.set(id, pointer);
    if (pointer.space === "arena") this.#residents[pointer.buffer]!.push(id);
    return pointer;
  }

  #bytes(id: ValueId): number {
    return typeBytes(this.#typeOf(id));
  }
}

/** The last node that reads each value; Infinity where the caller does, or who cannot be told. */
function lastReaders({ values, nodes, inputs, outputs }: Graph): number[] {
  const last = values.map(() => -1);
  nodes.forEach((node, index) => {
    // Layers may read what a narrow value was made of in its place.
    const isNarrowed = node.outputs.some((id) => values[id]!.type.format.bits < 8);
    for (const id of node.inputs) {
      if (id !== ABSENT) last[id] = Math.max(last[id]!, isNarrowed ? Infinity : index);
    }
  });
  for (const id of [...inputs, ...outputs]) last[id] = Infinity;
  return last;
}
