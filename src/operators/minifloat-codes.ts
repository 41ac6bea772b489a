/**
 * Between minifloat codes and float32.
 *
 *     DecodeMinifloat  y = f32(value(x) · s)
 *     EncodeMinifloat  y = code nearest to f32(x / s), ties to even
 *
 * The scale s comes from the quantization of the codes, 1 without one. A NaN of float32 keeps its
 * sign as a code where the format has one; a NaN code becomes 0x7FC00000.
 */
import { ModelError, QuantizationError } from "../errors.ts";
import { isMinifloat, type Minifloat } from "../formats/index.ts";
import { checkQuantization, f32, scaleCount } from "../quantization/index.ts";
import {
  allocateTensor,
  elementCount,
  packBits,
  type Tensor,
  type TensorType,
  unpackCodes,
} from "../tensor/index.ts";
import { checkCounts, checkFormat, outputType, requireInput } from "./checks.ts";
import type { Operator } from "./operator.ts";

export interface EncodeMinifloatAttributes {
  /** Overflow and infinity become ±max, else infinity or NaN where the format has it. */
  readonly saturates: boolean;
}

export const decodeMinifloat: Operator<object> = {
  name: "DecodeMinifloat",
  infer(inputs, _attributes, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "codes");
    minifloatOf(x, "input");
    checkScales(x);
    checkFormat(declared[0]!, ["float32"], "output");
    return [outputType(declared[0]!, x.shape)];
  },
  reference([x], _attributes, { outputs }) {
    const y = allocateTensor(outputs[0]!);
    const scale = scaleReader(x!.type);
    const values = minifloatValues(x!);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]! * scale(i);
      // One NaN: that of a negative code has a sign.
      y.data[i] = Number.isNaN(value) ? NaN : value;
    }
    return [y];
  },
};

export const encodeMinifloat: Operator<EncodeMinifloatAttributes> = {
  name: "EncodeMinifloat",
  infer(inputs, _attributes, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "values");
    checkFormat(x, ["float32"], "input");
    const y = outputType(declared[0]!, x.shape);
    minifloatOf(y, "output");
    checkScales(y);
    return [y];
  },
  reference([x], { saturates }, { outputs }) {
    const [type] = outputs as [TensorType];
    const format = minifloatOf(type, "output");
    const scale = scaleReader(type);
    const values = x!.data as Float32Array;
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    const codes = Uint16Array.from(values, (value, i) =>
      Number.isNaN(value)
        ? format.encodeBits(bits[i]!, saturates)
        : format.encode(f32(value / scale(i)), saturates),
    );
    if (format.bits > 8) return [{ type, data: codes }];
    return [{ type, data: format.bits === 8 ? Uint8Array.from(codes) : packBits(format, codes) }];
  },
};

/** The format of a tensor of minifloat codes. @throws ModelError another format */
export function minifloatOf({ format }: TensorType, what: string): Minifloat {
  if (isMinifloat(format)) return format;
  throw new ModelError(`expected ${what} in a minifloat format, got ${format.name}`);
}

/** Codes of a tensor, one element each. */
export function minifloatCodes(tensor: Tensor): Uint8Array | Uint16Array {
  if (tensor.type.format.bits > 8) return tensor.data as Uint16Array;
  return unpackCodes(tensor) as Uint8Array;
}

/** What the codes of a tensor stand for, without its scales. */
export function minifloatValues(tensor: Tensor): Float32Array {
  const format = minifloatOf(tensor.type, "a tensor");
  return Float32Array.from(minifloatCodes(tensor), (code) => format.decode(code));
}

function checkScales(type: TensorType): void {
  const { quantization, shape, format } = type;
  if (quantization === undefined) return;
  checkQuantization(quantization, format);
  const { scale } = quantization;
  if (scale.length !== scaleCount(quantization, shape)) {
    throw new QuantizationError(
      `expected ${String(scaleCount(quantization, shape))} scales, got ${scale.length}`,
    );
  }
}

/** The scale of an element by its index. */
export function scaleReader({ quantization, shape }: TensorType): (index: number) => number {
  if (quantization === undefined) return () => 1;
  const { scale, axis, blockSize = 1 } = quantization;
  if (scale.length === 1) return () => scale[0]!;
  const extent = shape[axis]!;
  const inner = elementCount(shape.slice(axis + 1));
  if (quantization.granularity === "perChannel") {
    return (index) => scale[Math.floor(index / inner) % extent]!;
  }
  const blocks = Math.ceil(extent / blockSize);
  return (index) => {
    const place = Math.floor(index / inner);
    const block = Math.floor(place / extent) * blocks + Math.floor((place % extent) / blockSize);
    return scale[block * inner + (index % inner)]!;
  };
}
