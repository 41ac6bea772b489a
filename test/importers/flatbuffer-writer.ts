/**
 * Writes FlatBuffers for tests, in the plainest layout: every table behind its own vtable, every
 * child behind its parent. `corrupt` cases change the bytes afterwards.
 */

/** A field of a table or an element of a vector. */
export type Part = Scalar | Table | Vector;

interface Scalar {
  readonly kind: "scalar";
  readonly size: 1 | 2 | 4 | 8;
  readonly write: (view: DataView, at: number) => void;
}

interface Table {
  readonly kind: "table";
  readonly fields: ReadonlyMap<number, Part>;
}

interface Vector {
  readonly kind: "vector";
  readonly count: number;
  readonly alignment: number;
  readonly elements: readonly Part[] | Uint8Array;
}

export const int8 = (value: number): Scalar => scalar(1, (v, at) => v.setInt8(at, value));
export const uint8 = (value: number): Scalar => scalar(1, (v, at) => v.setUint8(at, value));
export const bool = (value: boolean): Scalar => uint8(value ? 1 : 0);
export const int32 = (value: number): Scalar => scalar(4, (v, at) => v.setInt32(at, value, true));
export const uint32 = (value: number): Scalar => scalar(4, (v, at) => v.setUint32(at, value, true));
export const int64 = (value: bigint): Scalar =>
  scalar(8, (v, at) => v.setBigInt64(at, value, true));
export const uint64 = (value: bigint): Scalar =>
  scalar(8, (v, at) => v.setBigUint64(at, value, true));
export const float32 = (value: number): Scalar =>
  scalar(4, (v, at) => v.setFloat32(at, value, true));

function scalar(size: Scalar["size"], write: Scalar["write"]): Scalar {
  return { kind: "scalar", size, write };
}

/** Fields by number; `undefined` leaves a field out. */
export function table(fields: Readonly<Record<number, Part | undefined>>): Table {
  const present = new Map<number, Part>();
  for (const [field, part] of Object.entries(fields)) {
    if (part !== undefined) present.set(Number(field), part);
  }
  return { kind: "table", fields: present };
}

export function vector(elements: readonly Part[]): Vector {
  const first = elements[0];
  const alignment = first?.kind === "scalar" ? first.size : 4;
  return { kind: "vector", count: elements.length, alignment, elements };
}

export function bytes(data: Uint8Array): Vector {
  return { kind: "vector", count: data.length, alignment: 16, elements: data };
}

export function string(text: string): Vector {
  const encoded = new TextEncoder().encode(text);
  const elements = new Uint8Array(encoded.length + 1);
  elements.set(encoded);
  return { kind: "vector", count: encoded.length, alignment: 1, elements };
}

export const int32s = (values: readonly number[]): Vector => vector(values.map(int32));
export const int64s = (values: readonly bigint[]): Vector => vector(values.map(int64));
export const float32s = (values: readonly number[]): Vector => vector(values.map(float32));

/** The finished file: root offset, identifier, root table. */
export function finish(root: Table, identifier = "TFL3"): Uint8Array {
  const writer = new Writer();
  writer.reserve(8, 1);
  for (let i = 0; i < 4; i++) writer.view.setUint8(4 + i, identifier.charCodeAt(i));
  const position = writer.put(root);
  writer.view.setUint32(0, position, true);
  return writer.bytes.slice(0, writer.length);
}

class Writer {
  bytes = new Uint8Array(1024);
  view = new DataView(this.bytes.buffer);
  length = 0;

  /** Zeroed bytes at the end of the file, so that `offset + shift` is aligned. */
  reserve(size: number, alignment: number, shift = 0): number {
    while ((this.length + shift) % alignment !== 0) this.length++;
    const offset = this.length;
    this.length += size;
    while (this.length > this.bytes.length) {
      const larger = new Uint8Array(2 * this.bytes.length);
      larger.set(this.bytes);
      this.bytes = larger;
      this.view = new DataView(larger.buffer);
    }
    return offset;
  }

  put(part: Table | Vector): number {
    return part.kind === "table" ? this.#putTable(part) : this.#putVector(part);
  }

  #putTable({ fields }: Table): number {
    const slots = Math.max(-1, ...fields.keys()) + 1;
    const vtable = this.reserve(4 + 2 * slots, 2);
    // Largest fields first, behind the 4 bytes of the reference to the vtable and 4 of nothing.
    const sizes = [...fields].map(([field, part]) => ({ field, size: sizeOf(part) }));
    sizes.sort((a, b) => b.size - a.size);
    const offsets = new Map<number, number>();
    let size = sizes.some((entry) => entry.size === 8) ? 8 : 4;
    for (const entry of sizes) {
      offsets.set(entry.field, size);
      size += entry.size;
    }
    const position = this.reserve(size, 8);
    this.view.setInt32(position, position - vtable, true);
    this.view.setUint16(vtable, 4 + 2 * slots, true);
    this.view.setUint16(vtable + 2, size, true);
    for (const [field, offset] of offsets) {
      this.view.setUint16(vtable + 4 + 2 * field, offset, true);
    }
    for (const [field, part] of fields) this.#putPart(part, position + offsets.get(field)!);
    return position;
  }

  #putVector({ count, alignment, elements }: Vector): number {
    const size =
      elements instanceof Uint8Array
        ? elements.length
        : elements.reduce((sum, part) => sum + sizeOf(part), 0);
    const position = this.reserve(4 + size, Math.max(alignment, 4), 4);
    this.view.setUint32(position, count, true);
    if (elements instanceof Uint8Array) {
      this.bytes.set(elements, position + 4);
      return position;
    }
    let at = position + 4;
    for (const part of elements) {
      this.#putPart(part, at);
      at += sizeOf(part);
    }
    return position;
  }

  #putPart(part: Part, at: number): void {
    if (part.kind === "scalar") part.write(this.view, at);
    else {
      const target = this.put(part);
      this.view.setUint32(at, target - at, true);
    }
  }
}

function sizeOf(part: Part): number {
  return part.kind === "scalar" ? part.size : 4;
}
