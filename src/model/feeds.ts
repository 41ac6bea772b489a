/** Tensors of the caller: their description, and which array is for which input. */
import { InputError, kindOf } from "../errors.ts";
import type { TensorData, TensorType } from "../tensor/index.ts";

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
  if (kindOf(feeds) !== "Object") {
    throw new InputError(`expected inputs by name (${names(inputs)}), got ${kindOf(feeds)}`);
  }
  for (const key in feeds) {
    if (Object.hasOwn(feeds, key) && !inputs.some(({ name }) => name === key)) {
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

/** Real values of raw codes: f32(scale · (code − zeroPoint)). */
export function dequantize(info: TensorInfo, codes: TensorData): Float32Array {
  const { scale, zeroPoint } = info.quantization ?? { scale: 1, zeroPoint: 0 };
  const values = new Float32Array(codes.length);
  for (let i = 0; i < values.length; i++) values[i] = scale * (Number(codes[i]) - zeroPoint);
  return values;
}
