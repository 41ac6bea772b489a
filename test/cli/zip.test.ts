/** The ZIP reader of labelled data, on archives written here byte by byte. */
import { deflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readZip } from "../../src/cli/datasets/zip.ts";
import { FormatError } from "../../src/index.ts";

interface File {
  readonly name: string;
  readonly data: Buffer;
  readonly isStored?: boolean;
}

function writeZip(files: readonly File[], comment = ""): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, data, isStored = false } of files) {
    const packed = isStored ? data : deflateRawSync(data);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    // The extra field of a local header may be longer than that of the directory.
    local.writeUInt16LE(3, 28);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(isStored ? 0 : 8, 10);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(data.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(offset, 42);
    directory.push(entry, Buffer.from(name));
    const written = [local, Buffer.from(name), Buffer.alloc(3), packed];
    parts.push(...written);
    offset += Buffer.concat(written).length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(files.length, 10);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...parts, central, end, Buffer.from(comment)]);
}

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
