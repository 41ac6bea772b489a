/** Tensors of the caller: their description, their checks, and the way into and out of memory. */
import { InputError } from "../errors.ts";
import { float32 } from "../formats/index.ts";
import { quantize } from "../operators/index.ts";
import type { Rounding } from "../quantization/index.ts";
import {
  dataConstructor,
  elementCount,
  type TensorData,
  type TensorType,
  typeBytes,
} from "../tensor/index.ts";

/** An input or output of a model. */
export interface TensorInfo {
  readonly name: string;
  /** Format of the raw codes: "int8", "uint8", "float32", "int64" … */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** real = (code − zeroPoint) · scale; absent for tensors that are not quantized. */
  readonly quantization?: { readonly scale: number; readonly zeroPoint: number };
}

export function describeTensor(name: string, type: TensorType): TensorInfo {
  const { quantization } = type;
  const info = { name, dtype: type.format.name, shape: type.shape };
  return quantization?.granularity === "perTensor"
    ? {
        ...info,
        quantization: { scale: quantization.scale[0]!, zeroPoint: quantization.zeroPoint[0]! },
      }
    : info;
}

/** What `run` takes: elements by input name; a model with one input also takes them bare. */
export type Feeds = Readonly<Record<string, TypedArray>> | TypedArray;
export type TypedArray = TensorData | Uint8ClampedArray;

/** One array per input, in model order. @throws InputError for names */
export function orderFeeds(feeds: Feeds, inputs: readonly TensorInfo[]): TypedArray[] {
  if (ArrayBuffer.isView(feeds)) {
    if (inputs.length !== 1) {
      throw new InputError(`expected inputs by name (${names(inputs)}), got one array`);
    }
    return [feeds];
  }
  if (typeof feeds !== "object" || feeds === null) {
    throw new InputError(`expected inputs by name (${names(inputs)}), got ${typeof feeds}`);
  }
  for (const key of Object.keys(feeds)) {
    if (!inputs.some(({ name }) => name === key)) {
      throw new InputError(`expected inputs ${names(inputs)}, got "${key}"`);
    }
  }
  return inputs.map(({ name }) => {
    if (!Object.hasOwn(feeds, name)) throw new InputError(`input "${name}" is missing`);
    return feeds[name]!;
  });
}

function names(inputs: readonly TensorInfo[]): string {
  return inputs.map(({ name }) => `"${name}"`).join(", ");
}

/**
 * Checks the elements of one input and writes them to memory. A Float32Array for an integer input
 * with a scale is quantized (the QUANTIZE operator); raw codes pass through.
 * @throws InputError before anything is written
 */
export function writeInput(
  name: string,
  type: TensorType,
  given: TypedArray,
  target: Uint8Array,
  rounding: Rounding,
): void {
  const where = `input "${name}"`;
  if (!ArrayBuffer.isView(given) || given instanceof DataView) {
    throw new InputError(`${where}: expected a typed array, got ${typeof given}`);
  }
  const data = given instanceof Uint8ClampedArray ? asBytes(given) : given;
  const wanted = dataConstructor(type.format) as unknown as { readonly name: string };
  const quantizable = type.quantization !== undefined && type.format.bits <= 16;
  const isFloat = data instanceof Float32Array && wanted.name !== "Float32Array";
  if (isFloat ? !quantizable : data.constructor.name !== wanted.name) {
    throw new InputError(
      `${where}: expected ${wanted.name}${quantizable ? " (raw codes) or Float32Array (real values)" : ""}, got ${given.constructor.name}`,
    );
  }
  const count = elementCount(type.shape);
  const length = isFloat ? count : typeBytes(type) / data.BYTES_PER_ELEMENT;
  if (data.length !== length) {
    throw new InputError(
      `${where}: expected ${length} elements for [${type.shape.join(", ")}], got ${data.length}`,
    );
  }
  target.set(asBytes(isFloat ? quantizeFloats(data, type, rounding) : data));
}

function quantizeFloats(data: Float32Array, type: TensorType, rounding: Rounding): TensorData {
  const real = { type: { format: float32, shape: type.shape }, data };
  return quantize.reference([real], {}, { rounding, outputs: [type] })[0]!.data;
}

/** A fresh copy of an output; every NaN is the canonical one. */
export function copyOutput(type: TensorType, source: TensorData): TensorData {
  const copy = source.slice() as TensorData;
  if (type.format.name === "float32") {
    const floats = copy as Float32Array;
    for (let i = 0; i < floats.length; i++) if (floats[i] !== floats[i]) floats[i] = NaN;
  }
  return copy;
}

/** Real values of raw codes: f32(scale · (code − zeroPoint)). */
export function dequantize(info: TensorInfo, codes: TensorData): Float32Array {
  const { scale, zeroPoint } = info.quantization ?? { scale: 1, zeroPoint: 0 };
  return Float32Array.from(
    codes as ArrayLike<number>,
    (code) => scale * (Number(code) - zeroPoint),
  );
}

function asBytes(data: TypedArray): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
