/**
 * The float32 network that an integer TFLite file stands for: the same layers, constants dequantized,
 * QUANTIZE operators gone. The file is patched in place and the float constants come after its end; its
 * FlatBuffer offsets only point forwards, so that is all that can be appended.
 */
import type { Graph } from "../../../src/graph/index.ts";
import { importModel } from "../../../src/importers/index.ts";
import { dequantizeTensor } from "./dequantize.ts";

/** Field numbers of the TFLite schema (schema_v3.fbs). */
const MODEL = { subgraphs: 2, buffers: 4 };
const SUBGRAPH = { tensors: 0, operators: 3 };
const OPERATOR = { inputs: 1, outputs: 2 };
const TENSOR = { type: 1, buffer: 2, quantization: 4 };

/** TensorType.FLOAT32, also the default of a type that is absent. */
const FLOAT32 = 0;
/** Buffer 0 is empty by convention. */
const NO_BUFFER = 0;
/** `force_align` of a buffer's data. */
const DATA_ALIGNMENT = 16;

/** @throws Error for a file whose constants share more buffers than there are empty ones */
export function floatTflite(bytes: Uint8Array): Uint8Array {
  const graph = importModel(bytes);
  const file = new Patch(bytes, roomBytes(graph));
  const subgraph = file.follow(file.element(file.vector(file.root, MODEL.subgraphs), 0));
  const buffers = file.vector(file.root, MODEL.buffers);
  const tensors = file.vector(subgraph, SUBGRAPH.tensors);
  const table = (id: number): number => file.follow(file.element(tensors, id));
  const bufferField = (id: number): number => file.field(table(id), TENSOR.buffer);
  const isQuantized = (id: number): boolean => graph.values[id]!.type.quantization !== undefined;
  const ids = graph.values.map((_, id) => id).filter(isQuantized);

  // Equal codes share a buffer, though their reals differ. Activations have empty ones to give.
  const free: number[] = [];
  for (const id of ids.filter((i) => graph.values[i]!.constant === undefined)) {
    const field = bufferField(id);
    if (field === 0) continue;
    free.push(file.view.getUint32(field, true));
    file.view.setUint32(field, NO_BUFFER, true);
  }
  const taken = new Set([NO_BUFFER]);
  for (const id of ids) {
    const type = file.field(table(id), TENSOR.type);
    if (type !== 0) file.view.setUint8(type, FLOAT32);
    const { constant } = graph.values[id]!;
    if (constant === undefined) continue;
    let index = file.view.getUint32(bufferField(id), true);
    while (taken.has(index)) {
      const next = free.pop();
      if (next === undefined) throw new Error("expected an empty buffer, all are in use");
      index = next;
    }
    taken.add(index);
    file.view.setUint32(bufferField(id), index, true);
    file.appendBuffer(file.element(buffers, index), dequantizeTensor(constant));
  }
  // Tensors share vtables, so the fields go when nothing is read through them any more.
  for (const id of ids) file.dropField(table(id), TENSOR.quantization);
  dropQuantizeNodes(file, graph, file.vector(subgraph, SUBGRAPH.operators));
  return file.bytes.subarray(0, file.end);
}

function roomBytes(graph: Graph): number {
  return graph.values.reduce(
    (total, { constant }) => total + 4 * (constant?.data.length ?? 0) + 4 * DATA_ALIGNMENT,
    0,
  );
}

/** A QUANTIZE is the identity on reals: one of its two tensors takes the place of the other. */
function dropQuantizeNodes(file: Patch, graph: Graph, operators: number): void {
  const tables = graph.nodes.map((_, i) => file.follow(file.element(operators, i)));
  const rename = (field: number, from: number, to: number): void => {
    for (const table of tables) {
      const ids = file.vector(table, field);
      for (let i = 0; i < file.count(ids); i++) {
        const at = file.element(ids, i);
        if (file.view.getInt32(at, true) === from) file.view.setInt32(at, to, true);
      }
    }
  };
  const kept: number[] = [];
  graph.nodes.forEach(({ operator, inputs, outputs }, i) => {
    if (operator.name !== "Quantize") kept.push(i);
    else if (graph.outputs.includes(outputs[0]!)) rename(OPERATOR.outputs, inputs[0]!, outputs[0]!);
    else rename(OPERATOR.inputs, outputs[0]!, inputs[0]!);
  });
  // Entries move towards the front, so their offsets grow and stay positive.
  kept.forEach((from, to) => {
    const at = file.element(operators, to);
    file.view.setUint32(at, tables[from]! - at, true);
  });
  file.view.setUint32(operators, kept.length, true);
}

/** A FlatBuffer that is written in place. Addresses are byte offsets; scalars are little-endian. */
class Patch {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly root: number;
  end: number;

  constructor(bytes: Uint8Array, roomBytes: number) {
    this.bytes = new Uint8Array(bytes.length + roomBytes);
    this.bytes.set(bytes);
    this.view = new DataView(this.bytes.buffer);
    this.root = this.follow(0);
    this.end = bytes.length;
  }

  follow(at: number): number {
    return at + this.view.getUint32(at, true);
  }

  /** Address of a field of a table, 0 where it is absent. */
  field(table: number, index: number): number {
    const entry = this.#vtableEntry(table, index);
    const offset = entry === 0 ? 0 : this.view.getUint16(entry, true);
    return offset === 0 ? 0 : table + offset;
  }

  /** Address of a vector that a field of a table holds. */
  vector(table: number, index: number): number {
    const field = this.field(table, index);
    if (field === 0) throw new Error(`expected field ${index} of a table, it is absent`);
    return this.follow(field);
  }

  count(vector: number): number {
    return this.view.getUint32(vector, true);
  }

  /** Address of a 4-byte element. */
  element(vector: number, index: number): number {
    return vector + 4 + 4 * index;
  }

  /** Makes a field absent, in all tables that share the vtable. */
  dropField(table: number, index: number): void {
    const entry = this.#vtableEntry(table, index);
    if (entry !== 0) this.view.setUint16(entry, 0, true);
  }

  /** A Buffer table behind the end, with its data; `element` of the buffers gets its offset. */
  appendBuffer(element: number, data: Float32Array): void {
    const vtable = Math.ceil(this.end / 4) * 4;
    // vtable: its size, the table's size, the place of field `data`; then the table.
    [6, 8, 4].forEach((value, i) => this.view.setUint16(vtable + 2 * i, value, true));
    const table = vtable + 8;
    const start = Math.ceil((table + 12) / DATA_ALIGNMENT) * DATA_ALIGNMENT;
    this.view.setInt32(table, table - vtable, true);
    this.view.setUint32(table + 4, start - 4 - (table + 4), true);
    this.view.setUint32(start - 4, data.byteLength, true);
    this.bytes.set(new Uint8Array(data.buffer), start);
    this.view.setUint32(element, table - element, true);
    this.end = start + data.byteLength;
  }

  #vtableEntry(table: number, index: number): number {
    const vtable = table - this.view.getInt32(table, true);
    const entry = 4 + 2 * index;
    return entry < this.view.getUint16(vtable, true) ? vtable + entry : 0;
  }
}
