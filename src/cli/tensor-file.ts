/** Elements of a tensor as they lie in a file or in JSON. */
import { InputError } from "../errors.ts";
import { formats } from "../formats/index.ts";
import type { TensorInfo } from "../model/index.ts";
import { type TensorData, tensorFromBytes, type TensorType, typeBytes } from "../tensor/index.ts";

/** The type of raw codes; `dtype` is a name of `formats`. */
export function rawType(dtype: string, shape: readonly number[]): TensorType {
  const format = formats.get(dtype);
  if (format === undefined) throw new InputError(`expected a dtype of bitlane, got "${dtype}"`);
  return { format, shape };
}

/** Raw codes, little-endian, row-major. @throws InputError for another number of bytes */
export function codesFromBytes(
  { dtype, shape }: Pick<TensorInfo, "dtype" | "shape">,
  bytes: Uint8Array,
  where: string,
): TensorData {
  const type = rawType(dtype, shape);
  const expected = typeBytes(type);
  if (bytes.length !== expected) {
    throw new InputError(
      `${where}: expected ${expected} bytes for ${dtype}[${shape.join(", ")}], got ${bytes.length}`,
    );
  }
  return tensorFromBytes(type, bytes).data;
}

export function bytesOf(data: TensorData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** `int8[1, 49, 10, 1] scale 0.58 zero point 83` */
export function describeInfo({ dtype, shape, quantization }: TensorInfo): string {
  const type = `${dtype}[${shape.join(", ")}]`;
  if (quantization === undefined) return type;
  const { scale, zeroPoint } = quantization;
  return `${type} scale ${Number(scale.toPrecision(6))} zero point ${zeroPoint}`;
}
