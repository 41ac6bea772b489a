import { describe, expect, it } from "vitest";
import { readNpy } from "../../src/cli/npy.ts";
import { FormatError, ResourceError, UnsupportedError } from "../../src/errors.ts";

/** A file as numpy.save writes it: magic, version, header padded to 64 bytes, elements. */
function npy(header: string, elements: Uint8Array, version = 1): Uint8Array {
  const prefix = version === 1 ? 10 : 12;
  const text = header.padEnd(Math.ceil((prefix + header.length + 1) / 64) * 64 - prefix - 1) + "\n";
  const bytes = new Uint8Array(prefix + text.length + elements.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  if (version === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  bytes.set(new TextEncoder().encode(text), prefix);
  bytes.set(elements, prefix + text.length);
  return bytes;
}

const header = (descr: string, shape: string, order = "False") =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;
const bytesOf = (data: ArrayBufferView) => new Uint8Array(data.buffer);

describe("the reader of .npy files", () => {
  it.each([
    ["|i1", Int8Array.of(-128, 0, 127)],
    ["|u1", Uint8Array.of(0, 128, 255)],
    ["<i2", Int16Array.of(-32768, 1, 32767)],
    ["<i4", Int32Array.of(-1, 0, 2 ** 31 - 1)],
    ["<i8", BigInt64Array.of(-1n, 0n, 2n ** 62n)],
    ["<f4", Float32Array.of(-0.5, 0, 1e30)],
    ["<f8", Float64Array.of(-0.1, 0, 1e300)],
  ])("gives the elements of %s", (descr, data) => {
    expect(readNpy(npy(header(descr, "(3,)"), bytesOf(data)))).toEqual({ shape: [3], data });
  });

  it("reads headers of version 1, 2 and 3", () => {
    for (const version of [1, 2, 3]) {
      const file = npy(header("|u1", "(1, 2, 3)"), Uint8Array.of(1, 2, 3, 4, 5, 6), version);
      expect(readNpy(file)).toEqual({ shape: [1, 2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) });
    }
  });

  it("reads a scalar and an empty array", () => {
    expect(readNpy(npy(header("|u1", "()"), Uint8Array.of(9))).data).toEqual(Uint8Array.of(9));
    expect(readNpy(npy(header("<f4", "(0, 3)"), new Uint8Array())).shape).toEqual([0, 3]);
  });

  it("reads a file that does not begin at the start of its buffer", () => {
    const file = npy(header("<f4", "(1,)"), bytesOf(Float32Array.of(2.5)));
    for (const shifted of [new Uint8Array(file.length + 1), Buffer.alloc(file.length + 1)]) {
      shifted.set(file, 1);
      expect(readNpy(shifted.subarray(1)).data).toEqual(Float32Array.of(2.5));
    }
  });

  it("refuses every truncation of a file with a FormatError", () => {
    const file = npy(header("<f4", "(2,)"), bytesOf(Float32Array.of(1, 2)));
    for (let length = 0; length < file.length; length++) {
      expect(() => readNpy(file.subarray(0, length)), `${length} bytes`).toThrow(FormatError);
    }
  });

  it("refuses what it does not read, by name", () => {
    const four = new Uint8Array(4);
    expect(() => readNpy(npy(header(">f4", "(1,)"), four))).toThrow(UnsupportedError);
    expect(() => readNpy(npy(header("|O", "(1,)"), four))).toThrow(/got \|O/);
    expect(() => readNpy(npy(header("<f4", "(1,)", "True"), four))).toThrow(/Fortran/);
    expect(() => readNpy(npy(header("<f4", "(1,)"), four, 4))).toThrow(FormatError);
    expect(() => readNpy(npy(header("|u1", "(99999999999,)"), four))).toThrow(ResourceError);
  });
});
