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

  it("refuses data that becomes longer than the directory states", () => {
    const archive = writeZip([{ name: "bomb", data: Buffer.alloc(100_000) }]);
    archive.writeUInt32LE(10, archive.length - 22 - 50 + 24);
    expect(() => readZip(archive, "test.zip")[0]!.read()).toThrow(FormatError);
  });
});
