import { ModelError } from "../errors.ts";
import { type Format } from "../formats/index.ts";
import type { Quantization } from "../quantization/index.ts";
import { elementCount, type Shape } from "./shape.ts";

/** What is known of a tensor without its data. Immutable. */
export interface TensorType {
  readonly format: Format;
  readonly shape: Shape;
  readonly quantization?: Quantization;
}

/**
 * Element storage. Integers and float32 are numbers, all other floats bit patterns: 9 to 16 bits in
 * two bytes, 8 bits in one, fewer packed (see `packBits`).
 */
export type TensorData =
  Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Float32Array | BigInt64Array;

/** A type and its elements, row-major. */
export interface Tensor {
  readonly type: TensorType;
  readonly data: TensorData;
}

/** Bytes that `count` elements of a format take; formats below 8 bits are packed without gaps. */
export function byteLength(format: Format, count: number): number {
  if (format.bits > 8) return count * Math.ceil(format.bits / 16) * 2;
  return Math.ceil((count * format.bits) / 8);
}

export function typeBytes(type: TensorType): number {
  return byteLength(type.format, elementCount(type.shape));
}

interface DataConstructor {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): TensorData;
  readonly BYTES_PER_ELEMENT: number;
}

const CONSTRUCTORS: Readonly<Record<string, DataConstructor>> = {
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  float32: Float32Array,
};

/** The typed-array class that holds a format's elements; packed formats are bytes. */
export function dataConstructor(format: Format): DataConstructor {
  return CONSTRUCTORS[format.name] ?? (format.bits > 8 ? Uint16Array : Uint8Array);
}

/** The elements of `type` at a byte offset of a buffer, as a view. The offset must be aligned. */
export function viewData(
  type: TensorType,
  buffer: ArrayBufferLike,
  byteOffset: number,
): TensorData {
  const construct = dataConstructor(type.format);
  return new construct(buffer, byteOffset, typeBytes(type) / construct.BYTES_PER_ELEMENT);
}

/** A tensor of zeros. */
export function allocateTensor(type: TensorType): Tensor {
  const bytes = typeBytes(type);
  return { type, data: viewData(type, new ArrayBuffer(bytes), 0) };
}

/** A tensor over bytes as they lie in a file; copied when unaligned. */
export function tensorFromBytes(type: TensorType, bytes: Uint8Array): Tensor {
  const need = typeBytes(type);
  if (bytes.length !== need) {
    throw new ModelError(
      `expected ${need} bytes for ${type.format.name}[${type.shape.join(", ")}], got ${bytes.length}`,
    );
  }
  const aligned = bytes.byteOffset % dataConstructor(type.format).BYTES_PER_ELEMENT === 0;
  const source = aligned ? bytes : new Uint8Array(bytes);
  return { type, data: viewData(type, source.buffer, source.byteOffset) };
}

/**
 * Codes of a tensor of 8 bits or fewer, one byte each: integers with their true sign, floats as bit
 * patterns. 8-bit data is not copied.
 */
export function unpackCodes(tensor: Tensor): Int8Array | Uint8Array {
  const { format, shape } = tensor.type;
  const data = tensor.data;
  if (format.bits === 8) return data as Int8Array | Uint8Array;
  if (format.bits > 8) throw new ModelError(`expected 8 bits or fewer, got ${format.name}`);
  const count = elementCount(shape);
  const result = format.kind === "signed" ? new Int8Array(count) : new Uint8Array(count);
  const mask = (1 << format.bits) - 1;
  for (let i = 0; i < count; i++) {
    const bit = i * format.bits;
    const byte = Math.floor(bit / 8);
    // A code of 3, 5, 6 or 7 bits may reach into the next byte; behind the last one lies 0.
    const code = ((Number(data[byte]) | (Number(data[byte + 1]) << 8)) >> (bit % 8)) & mask;
    result[i] = format.kind === "signed" ? format.decode(code) : code;
  }
  return result;
}
