/** The ZIP reader of labelled data, on archives written here byte by byte. */
import { describe, expect, it } from "vitest";
import { readZip } from "../../src/cli/datasets/zip.ts";
import { FormatError } from "../../src/index.ts";
import { type File, writeZip } from "./zip-writer.ts";

const FILES: readonly File[] = [
  { name: "cat/1.jpg", data: Buffer.from("a".repeat(1000)) },
  { name: "dog/2.jpg", data: Buffer.from([0, 1, 2, 255]), isStored: true },
  { name: "empty", data: Buffer.alloc(0) },
];

describe("the ZIP reader", () => {
  it("reads deflated, stored and empty files in the order of the directory", () => {
    for (const comment of ["", "a comment"]) {
      const entries = readZip(writeZip(FILES, comment), "test.zip");
      expect(entries.map(({ name }) => name)).toEqual(FILES.map(({ name }) => name));
      expect(entries.map(({ read }) => Buffer.from(read()))).toEqual(FILES.map(({ data }) => data));
    }
  });

  it("ends in a FormatError wherever an archive is cut", () => {
    const archive = writeZip(FILES);
    for (let length = 0; length < archive.length; length++) {
      expect(() => readZip(archive.subarray(0, length), "test.zip")).toThrow(FormatError);
    }
  });

  it("unpacks a file when it is read, not before", () => {
    const archive = writeZip(FILES);
    archive.fill(0xff, 30 + FILES[0]!.name.length + 3, 30 + FILES[0]!.name.length + 8);
    const [first, second] = readZip(archive, "test.zip");
    expect(Buffer.from(second!.read())).toEqual(FILES[1]!.data);
    expect(() => first!.read()).toThrow(FormatError);
  });

  it("refuses data of another length than the directory states", () => {
    const archive = writeZip([{ name: "bomb", data: Buffer.alloc(100_000) }]);
    for (const bytes of [10, 99_999, 100_001, 2 ** 32 - 2]) {
      archive.writeUInt32LE(bytes, archive.length - 22 - 50 + 24);
      expect(() => readZip(archive, "test.zip")[0]!.read()).toThrow(FormatError);
    }
  });

  it.each([true, false])("refuses data with another sum, stored: %s", (isStored) => {
    const archive = writeZip([{ name: "file", data: Buffer.from("abcabcabc"), isStored }]);
    const sum = archive.length - 22 - 50 + 16;
    archive.writeUInt32LE((archive.readUInt32LE(sum) ^ 1) >>> 0, sum);
    expect(() => readZip(archive, "test.zip")[0]!.read()).toThrow("CRC-32");
  });

  it("refuses a method that it does not know", () => {
    const archive = writeZip([{ name: "file", data: Buffer.from("abc"), isStored: true }]);
    archive.writeUInt16LE(12, archive.length - 22 - 50 + 10);
    expect(() => readZip(archive, "test.zip")[0]!.read()).toThrow("method 12");
  });
});
