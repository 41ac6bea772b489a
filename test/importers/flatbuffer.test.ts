import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FormatError, ResourceError } from "../../src/errors.ts";
import { defaultLimits, type Limits } from "../../src/importers/index.ts";
import { FlatBuffer, type Table } from "../../src/importers/tflite/flatbuffer.ts";
import * as write from "./flatbuffer-writer.ts";

function read(bytes: Uint8Array, limits: Partial<Limits> = {}): Table {
  return new FlatBuffer(bytes, { ...defaultLimits, ...limits }).root("TFL3");
}

/** The bytes with one little-endian number of `size` bytes changed. */
function patch(bytes: Uint8Array, offset: number, size: 2 | 4, value: number): Uint8Array {
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  if (size === 2) view.setUint16(offset, value, true);
  else view.setUint32(offset, value >>> 0, true);
  return copy;
}

/** Root table with field 0 = int32 7 and field 1 = [1, 2, 3], and where its parts lie. */
const sample = write.finish(write.table({ 0: write.int32(7), 1: write.int32s([1, 2, 3]) }));
const view = new DataView(sample.buffer);
const root = view.getUint32(0, true);
const vtable = root - view.getInt32(root, true);
const vectorField = root + view.getUint16(vtable + 6, true);
const vector = vectorField + view.getUint32(vectorField, true);

/** One kind of field: how it is written and read back. */
const fields = fc.oneof(
  fc
    .integer({ min: -128, max: 127 })
    .map((v) => [write.int8(v), (t: Table, f: number) => t.int8(f), v]),
  fc.nat(255).map((v) => [write.uint8(v), (t: Table, f: number) => t.uint8(f), v]),
  fc.integer().map((v) => [write.int32(v), (t: Table, f: number) => t.int32(f), v]),
  fc.nat().map((v) => [write.uint32(v), (t: Table, f: number) => t.uint32(f), v]),
  fc
    .bigInt(0n, 2n ** 64n - 1n)
    .map((v) => [write.uint64(v), (t: Table, f: number) => t.uint64(f), v]),
  fc.float().map((v) => [write.float32(v), (t: Table, f: number) => t.float32(f), v]),
  fc.array(fc.integer()).map((v) => [write.int32s(v), (t: Table, f: number) => t.int32s(f), v]),
  fc
    .array(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n))
    .map((v) => [
      write.int64s(v),
      (t: Table, f: number) => t.int64s(f),
      Float64Array.from(v, Number),
    ]),
  fc
    .array(fc.float())
    .map((v) => [write.float32s(v), (t: Table, f: number) => t.float32s(f), Float32Array.from(v)]),
  fc.uint8Array().map((v) => [write.bytes(v), (t: Table, f: number) => t.bytes(f), v]),
  fc
    .string({ unit: "grapheme" })
    .map((v) => [write.string(v), (t: Table, f: number) => t.string(f), v]),
) as fc.Arbitrary<[write.Part, (table: Table, field: number) => unknown, unknown]>;

describe("the FlatBuffer reader", () => {
  it("reads back every field of a table, whatever fields are absent", () => {
    fc.assert(
      fc.property(fc.array(fc.option(fields, { nil: undefined }), { maxLength: 12 }), (entries) => {
        const bytes = write.finish(
          write.table(Object.fromEntries(entries.map((entry, i) => [i, entry?.[0]]))),
        );
        const table = read(bytes);
        entries.forEach((entry, field) => {
          expect(table.has(field)).toBe(entry !== undefined);
          if (entry !== undefined) expect(entry[1](table, field)).toEqual(entry[2]);
        });
      }),
    );
  });

  it("gives the fallback for a field that the vtable does not reach", () => {
    const table = read(sample);
    expect(table.fieldCount).toBe(2);
    expect(table.int32(2, -5)).toBe(-5);
    expect(table.int32s(9)).toBeUndefined();
    expect(table.tables(9)).toEqual([]);
    expect(table.string(9)).toBeUndefined();
    expect(table.table(9)).toBeUndefined();
  });

  it("follows tables in vectors of tables", () => {
    const child = (value: number) => write.table({ 0: write.int32(value) });
    const table = read(write.finish(write.table({ 0: write.vector([child(4), child(5)]) })));
    expect(table.tables(0).map((entry) => entry.int32(0))).toEqual([4, 5]);
  });

  it.each([
    ["an empty file", new Uint8Array(0)],
    ["seven bytes", sample.subarray(0, 7)],
    ["another identifier", patch(sample, 4, 2, 0x5858)],
    ["a root inside the header", patch(sample, 0, 4, 4)],
    ["a root at the last byte", patch(sample, 0, 4, sample.length - 1)],
    ["a root past 2^31", patch(sample, 0, 4, 2 ** 32 - 8)],
    ["a root that is not aligned", patch(sample, 0, 4, root + 1)],
    ["a vtable before the file", patch(sample, root, 4, root + 4)],
    ["a vtable behind the file", patch(sample, root, 4, root - sample.length)],
    ["a vtable of 2 bytes", patch(sample, vtable, 2, 2)],
    ["a vtable of odd size", patch(sample, vtable, 2, 7)],
    ["a vtable of 65534 bytes", patch(sample, vtable, 2, 65534)],
    ["a table of 3 bytes", patch(sample, vtable + 2, 2, 3)],
    ["a table past the end", patch(sample, vtable + 2, 2, 65532)],
  ])("refuses %s", (_, bytes) => {
    expect(() => read(bytes)).toThrow(FormatError);
  });

  it.each([
    ["a field in front of its table", patch(sample, vtable + 4, 2, 2), 0],
    ["a field behind its table", patch(sample, vtable + 4, 2, 65000), 0],
    ["a field that ends behind its table", patch(sample, vtable + 4, 2, 10), 0],
    ["a field that is not aligned", patch(sample, vtable + 4, 2, 6), 0],
    ["a reference of 0", patch(sample, vectorField, 4, 0), 1],
    ["a reference past the end", patch(sample, vectorField, 4, sample.length), 1],
    ["a reference past 2^31", patch(sample, vectorField, 4, 2 ** 32 - 4), 1],
    ["a vector that is not aligned", patch(sample, vectorField, 4, vector - vectorField + 2), 1],
    ["a vector one element too long", patch(sample, vector, 4, 4), 1],
    ["a vector of 2^30 elements", patch(sample, vector, 4, 2 ** 30), 1],
    ["a vector of 2^32 − 1 elements", patch(sample, vector, 4, 2 ** 32 - 1), 1],
  ])("refuses %s", (_, bytes, field) => {
    const table = read(bytes);
    expect(() => (field === 0 ? table.int32(field) : table.int32s(field))).toThrow(FormatError);
    if (field === 1) expect(() => table.tables(field)).toThrow(FormatError);
  });

  it("names the offset of what is wrong", () => {
    const error = catchError(() => read(patch(sample, vtable, 2, 7)));
    expect(error).toMatchObject({ where: { format: "tflite", offset: vtable } });
  });

  it("takes bytes that are no UTF-8 as a name that is absent", () => {
    const bytes = write.finish(write.table({ 0: write.bytes(Uint8Array.of(0x61, 0xff)) }));
    expect(read(bytes).string(0)).toBeUndefined();
  });

  it("counts tables at every visit, because tables may be shared", () => {
    const table = read(write.finish(write.table({ 0: write.table({}) })), { tables: 10 });
    expect(() => {
      for (let i = 0; i < 10; i++) table.table(0);
    }).toThrow(ResourceError);
  });

  it("bounds nesting, numbers decoded and bytes of names", () => {
    let nested = write.table({});
    for (let depth = 1; depth < 5; depth++) nested = write.table({ 0: nested });
    const descend = (limits: Partial<Limits>): void => {
      let table: Table | undefined = read(write.finish(nested), limits);
      while (table !== undefined) table = table.table(0);
    };
    expect(() => descend({ depth: 5 })).not.toThrow();
    expect(() => descend({ depth: 4 })).toThrow(ResourceError);

    expect(() => read(sample, { vectorEntries: 3 }).int32s(1)).not.toThrow();
    expect(() => read(sample, { vectorEntries: 2 }).int32s(1)).toThrow(ResourceError);

    const named = write.finish(write.table({ 0: write.string("twelve bytes") }));
    expect(() => read(named, { nameBytes: 12 }).string(0)).not.toThrow();
    expect(() => read(named, { nameBytes: 11 }).string(0)).toThrow(ResourceError);
    expect(() => read(named, { allNameBytes: 11 }).string(0)).toThrow(ResourceError);
  });

  it("reads a file that does not start at the start of its buffer", () => {
    const large = new Uint8Array(sample.length + 3);
    large.set(sample, 3);
    expect(read(large.subarray(3)).int32s(1)).toEqual([1, 2, 3]);
  });
});

function catchError(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error("expected an error, got none");
}
