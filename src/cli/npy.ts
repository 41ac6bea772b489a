/**
 * Reader of NumPy's `.npy` files, versions 1 to 3: little-endian numbers in C order.
 * Source: numpy.lib.format.
 */
import { FormatError, UnsupportedError } from "../errors.ts";
import { elementCount } from "../tensor/index.ts";

/** Element types by NumPy's descriptor. */
const ELEMENTS = {
  "|i1": Int8Array,
  "|u1": Uint8Array,
  "|b1": Uint8Array,
  "<i2": Int16Array,
  "<u2": Uint16Array,
  "<i4": Int32Array,
  "<i8": BigInt64Array,
  "<f4": Float32Array,
  "<f8": Float64Array,
} as const;

export type NpyData = InstanceType<(typeof ELEMENTS)[keyof typeof ELEMENTS]>;

export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: NpyData;
}

const MAGIC = "\u0093NUMPY";

/** @throws FormatError for a broken file, UnsupportedError for another element type or order */
export function readNpy(bytes: Uint8Array): NpyArray {
  const fail = (expected: string, got: string): never => {
    throw new FormatError(`npy: expected ${expected}, got ${got}`, { where: { format: "npy" } });
  };
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC || bytes.length < 12) fail("the magic bytes and a header", "other bytes");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6]!;
  if (version < 1 || version > 3) fail("version 1 to 3", String(version));
  const headerStart = version === 1 ? 10 : 12;
  const headerBytes = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = headerStart + headerBytes;
  if (start > bytes.length) fail(`a header of ${headerBytes} bytes`, `${bytes.length} in all`);
  const header = new TextDecoder().decode(bytes.subarray(headerStart, start));

  const descriptor = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const extents = /'shape':\s*\(([\d\s,]*)\)/.exec(header)?.[1];
  if (descriptor === undefined || order === undefined || extents === undefined) {
    return fail("descr, fortran_order and shape", JSON.stringify(header.slice(0, 80)));
  }
  if (order === "True") throw new UnsupportedError("npy: expected C order, got Fortran order");
  if (!Object.hasOwn(ELEMENTS, descriptor)) {
    const known = Object.keys(ELEMENTS).join(", ");
    throw new UnsupportedError(`npy: expected elements of ${known}, got ${descriptor}`);
  }
  const shape = extents
    .split(",")
    .filter((extent) => extent.trim() !== "")
    .map(Number);
  const elements = ELEMENTS[descriptor as keyof typeof ELEMENTS];
  const count = elementCount(shape);
  const expected = count * elements.BYTES_PER_ELEMENT;
  if (bytes.length - start !== expected) {
    fail(`${expected} bytes of elements`, String(bytes.length - start));
  }
  // A copy is aligned. (`slice` of a Node Buffer would be a view.)
  const copy = new Uint8Array(bytes.subarray(start));
  return { shape, data: new elements(copy.buffer, 0, count) };
}
