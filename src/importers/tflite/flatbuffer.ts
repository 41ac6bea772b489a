/**
 * A bounds-checked reader of FlatBuffers. Nothing outside this file does arithmetic on offsets.
 *
 *   table ──▶ │ int32 distance back to its vtable │ fields … │
 *   vtable ─▶ │ u16 bytes of the vtable │ u16 bytes of the table │ u16 offset of field 0 in the table │ …
 *   vector ─▶ │ u32 count │ elements … │          a field of offset 0, or past the vtable, is absent
 *
 * References are unsigned distances forward from the place that holds them. Every access is checked
 * in the form `0 ≤ offset && size ≤ length − offset`; scalars must be aligned to their size.
 */
import { FormatError } from "../../errors.ts";
import { checkLimit, type Limits } from "../limits.ts";

/** The bytes, and what was spent on reading them. */
export class FlatBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly limits: Limits;
  #tables = 0;
  #entries = 0;
  #nameBytes = 0;

  constructor(bytes: Uint8Array, limits: Limits) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.limits = limits;
  }

  /** @throws FormatError too short, another identifier, or a root outside the file */
  root(identifier: string): Table {
    if (this.bytes.length < 8) {
      throw this.error(0, `at least 8 bytes of file`, `${this.bytes.length}`);
    }
    const found = String.fromCharCode(...this.bytes.subarray(4, 8));
    if (found !== identifier) {
      throw this.error(4, `file identifier ${identifier}`, JSON.stringify(found));
    }
    const root = this.view.getUint32(0, true);
    if (root < 8) throw this.error(0, "a root offset of at least 8", `${root}`);
    return new Table(this, root, 1);
  }

  error(offset: number, expected: string, got: string): FormatError {
    return new FormatError(`offset ${offset}: expected ${expected}, got ${got}`, {
      where: { format: "tflite", offset },
    });
  }

  /** `size` bytes at `offset` lie in the file, and `offset` is a multiple of `alignment`. */
  check(offset: number, size: number, alignment: number, what: string): void {
    const { length } = this.bytes;
    if (!(offset >= 0 && size <= length - offset)) {
      throw this.error(
        offset,
        `${what} (${size} bytes) inside the file`,
        `${length} bytes of file`,
      );
    }
    if (offset % alignment !== 0) {
      throw this.error(offset, `${what} aligned to ${alignment} bytes`, `offset ${offset}`);
    }
  }

  countTable(depth: number): void {
    checkLimit(this.limits, "tables", ++this.#tables);
    checkLimit(this.limits, "depth", depth);
  }

  /** Counts numbers that are decoded one by one; vectors may be shared by many tables. */
  countEntries(count: number): void {
    checkLimit(this.limits, "vectorEntries", (this.#entries += count));
  }

  countName(bytes: number): void {
    checkLimit(this.limits, "nameBytes", bytes);
    checkLimit(this.limits, "allNameBytes", (this.#nameBytes += bytes));
  }
}

interface Vector {
  readonly start: number;
  readonly count: number;
}

/** One table. A getter of a field that is absent gives the fallback, or `undefined`, or no elements. */
export class Table {
  readonly #file: FlatBuffer;
  readonly #position: number;
  readonly #depth: number;
  readonly #sizeBytes: number;
  readonly #vtable: number;
  readonly #vtableBytes: number;

  constructor(file: FlatBuffer, position: number, depth: number) {
    file.countTable(depth);
    file.check(position, 4, 4, "a table");
    const vtable = position - file.view.getInt32(position, true);
    file.check(vtable, 4, 2, "a vtable");
    const vtableBytes = file.view.getUint16(vtable, true);
    if (vtableBytes < 4 || vtableBytes % 2 !== 0) {
      throw file.error(vtable, "an even vtable size of at least 4", `${vtableBytes}`);
    }
    file.check(vtable, vtableBytes, 2, "a vtable");
    const sizeBytes = file.view.getUint16(vtable + 2, true);
    if (sizeBytes < 4) throw file.error(vtable + 2, "a table of at least 4 bytes", `${sizeBytes}`);
    file.check(position, sizeBytes, 4, "a table");
    this.#file = file;
    this.#position = position;
    this.#depth = depth;
    this.#sizeBytes = sizeBytes;
    this.#vtable = vtable;
    this.#vtableBytes = vtableBytes;
  }

  /** Fields that the vtable has room for; later ones are absent. */
  get fieldCount(): number {
    return (this.#vtableBytes - 4) / 2;
  }

  has(field: number): boolean {
    return this.#place(field, 1) !== undefined;
  }

  int8(field: number, fallback = 0): number {
    const at = this.#place(field, 1);
    return at === undefined ? fallback : this.#file.view.getInt8(at);
  }

  uint8(field: number, fallback = 0): number {
    const at = this.#place(field, 1);
    return at === undefined ? fallback : this.#file.view.getUint8(at);
  }

  bool(field: number): boolean {
    return this.uint8(field) !== 0;
  }

  int32(field: number, fallback = 0): number {
    const at = this.#place(field, 4);
    return at === undefined ? fallback : this.#file.view.getInt32(at, true);
  }

  uint32(field: number): number {
    const at = this.#place(field, 4);
    return at === undefined ? 0 : this.#file.view.getUint32(at, true);
  }

  uint64(field: number): bigint {
    const at = this.#place(field, 8);
    return at === undefined ? 0n : this.#file.view.getBigUint64(at, true);
  }

  float32(field: number): number {
    const at = this.#place(field, 4);
    return at === undefined ? 0 : this.#file.view.getFloat32(at, true);
  }

  table(field: number): Table | undefined {
    const at = this.#place(field, 4);
    return at === undefined ? undefined : this.#tableAt(at);
  }

  /** A vector of tables. Each is checked as it is read, so a claimed count costs nothing. */
  tables(field: number): Table[] {
    const vector = this.#vector(field, 4);
    const tables: Table[] = [];
    for (let i = 0; i < (vector?.count ?? 0); i++) {
      tables.push(this.#tableAt(vector!.start + 4 * i));
    }
    return tables;
  }

  int32s(field: number): number[] | undefined {
    const vector = this.#counted(field, 4);
    if (vector === undefined) return undefined;
    const numbers: number[] = [];
    for (let i = 0; i < vector.count; i++) {
      numbers.push(this.#file.view.getInt32(vector.start + 4 * i, true));
    }
    return numbers;
  }

  float32s(field: number): Float32Array | undefined {
    const vector = this.#counted(field, 4);
    if (vector === undefined) return undefined;
    const numbers = new Float32Array(vector.count);
    for (let i = 0; i < vector.count; i++) {
      numbers[i] = this.#file.view.getFloat32(vector.start + 4 * i, true);
    }
    return numbers;
  }

  /** 64-bit integers as numbers: exact within ±2^53, rounded beyond. */
  int64s(field: number): Float64Array | undefined {
    const vector = this.#counted(field, 8);
    if (vector === undefined) return undefined;
    const numbers = new Float64Array(vector.count);
    const { view } = this.#file;
    for (let i = 0; i < vector.count; i++) {
      const at = vector.start + 8 * i;
      numbers[i] = view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
    }
    return numbers;
  }

  /** Elements of a vector, without decoding them. */
  count(field: number, elementBytes: number): number {
    return this.#vector(field, elementBytes)?.count ?? 0;
  }

  /** A vector of bytes, as a view of the file. */
  bytes(field: number): Uint8Array | undefined {
    const vector = this.#vector(field, 1);
    return vector && this.#file.bytes.subarray(vector.start, vector.start + vector.count);
  }

  /** A string; `undefined` if it is absent or no UTF-8. Names are compared as given. */
  string(field: number): string | undefined {
    const bytes = this.bytes(field);
    if (bytes === undefined) return undefined;
    this.#file.countName(bytes.length);
    return decodeUtf8(bytes);
  }

  /** A vector whose elements are decoded one by one. */
  #counted(field: number, elementBytes: number): Vector | undefined {
    const vector = this.#vector(field, elementBytes);
    if (vector !== undefined) this.#file.countEntries(vector.count);
    return vector;
  }

  /** Where a field of `size` bytes lies, or `undefined` if it is absent. */
  #place(field: number, size: number): number | undefined {
    const entry = 4 + 2 * field;
    if (entry + 2 > this.#vtableBytes) return undefined;
    const offset = this.#file.view.getUint16(this.#vtable + entry, true);
    if (offset === 0) return undefined;
    if (offset < 4 || size > this.#sizeBytes - offset) {
      throw this.#file.error(
        this.#vtable + entry,
        `field ${field} (${size} bytes) inside its table of ${this.#sizeBytes} bytes`,
        `offset ${offset}`,
      );
    }
    const at = this.#position + offset;
    this.#file.check(at, size, size, `field ${field}`);
    return at;
  }

  /** The target of the reference at `at`. */
  #follow(at: number): number {
    const distance = this.#file.view.getUint32(at, true);
    if (distance === 0) throw this.#file.error(at, "a reference forward", "0");
    return at + distance;
  }

  #tableAt(at: number): Table {
    return new Table(this.#file, this.#follow(at), this.#depth + 1);
  }

  #vector(field: number, elementBytes: number): Vector | undefined {
    const at = this.#place(field, 4);
    if (at === undefined) return undefined;
    const target = this.#follow(at);
    this.#file.check(target, 4, 4, "a vector");
    const count = this.#file.view.getUint32(target, true);
    this.#file.check(target + 4, count * elementBytes, 1, `a vector of ${count} elements`);
    return { start: target + 4, count };
  }
}

/** Made when the first name is read. */
let decoder: TextDecoder | undefined;

/** Text of UTF-8 bytes, or `undefined` if they are none. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return (decoder ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })).decode(bytes);
  } catch {
    return undefined;
  }
}
