/** The ZIP reader of labelled data, on archives written here byte by byte. */
import { describe, expect, it } from "vitest";
import { listZip, readZip } from "../../src/cli/datasets/zip.ts";
import { FormatError } from "../../src/index.ts";
import { type File, writeZip } from "./zip-writer.ts";

const FILES: readonly File[] = [
  { name: "cat/1.jpg", data: Buffer.from("a".repeat(1000)) },
  { name: "dog/2.jpg", data: Buffer.from([0, 1, 2, 255]), isStored: true },
  { name: "empty", data: Buffer.alloc(0) },
];

const NAMES = FILES.map(({ name }) => name);

describe("the ZIP reader", () => {
  it("reads deflated, stored and empty files in the order of the directory", () => {
    for (const comment of ["", "a comment"]) {
      const archive = writeZip(FILES, comment);
      expect(listZip(archive, "test.zip")).toEqual(NAMES);
      const files = readZip(archive, new Set(NAMES), "test.zip");
      expect(NAMES.map((name) => Buffer.from(files.get(name)!))).toEqual(
        FILES.map(({ data }) => data),
      );
    }
  });

  it("unpacks the named files alone", () => {
    const files = readZip(writeZip(FILES), new Set(["cat/1.jpg"]), "test.zip");
    expect([...files.keys()]).toEqual(["cat/1.jpg"]);
  });

  it("ends in a FormatError wherever an archive is cut", () => {
    const archive = writeZip(FILES);
    for (let length = 0; length < archive.length; length++) {
      expect(() => readZip(archive.subarray(0, length), new Set(NAMES), "test.zip")).toThrow(
        FormatError,
      );
    }
  });

  it("never unpacks more than the directory states, and nothing beyond reason", () => {
    const archive = writeZip([{ name: "bomb", data: Buffer.alloc(100_000) }]);
    const read = () => readZip(archive, new Set(["bomb"]), "test.zip");
    const size = archive.length - 22 - 50 + 24;
    archive.writeUInt32LE(10, size);
    expect(read().get("bomb")).toHaveLength(10);
    archive.writeUInt32LE(2 ** 32 - 2, size);
    expect(read).toThrow(FormatError);
  });
});
