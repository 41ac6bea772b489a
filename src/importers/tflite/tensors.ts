/** Tensors of a subgraph: type, quantization, and a view of the constant data in the file. */
import { locateError, ModelError, QuantizationError, ShapeError } from "../../errors.ts";
import { type Format, formats, uint8 } from "../../formats/index.ts";
import type { Value } from "../../graph/index.ts";
import { perChannel, perTensor, type Quantization } from "../../quantization/index.ts";
import { elementCount, type Shape, tensorFromBytes, type TensorType } from "../../tensor/index.ts";
import { checkLimit, type Limits } from "../limits.ts";
import type { FlatBuffer, Table } from "./flatbuffer.ts";
import { BUFFER, OPAQUE_TYPES, QUANTIZATION, TENSOR, TENSOR_TYPES } from "./schema.ts";

/** A tensor of the file. */
export interface TensorRecord {
  /** The name for messages. */
  readonly label: string;
  /** With something unsupported, its type is a placeholder that must not be used. */
  readonly value: Value;
  /** The schema's name of the type. */
  readonly typeName: string;
  readonly isOpaque: boolean;
  /** The file holds its value, so nothing else may write it. */
  readonly isGiven: boolean;
  /** Nothing has to write it: it is given, holds no elements, or keeps its value between runs. */
  readonly needsNoSource: boolean;
  /** What bitlane lacks for it. */
  readonly unsupported: readonly string[];
}

/** Bytes of every buffer. Data beyond the FlatBuffer is found by offset and size in the same file. */
export function readBuffers(file: FlatBuffer, buffers: readonly Table[]): Uint8Array[] {
  return buffers.map((buffer, index) => {
    const inside = buffer.bytes(BUFFER.data) ?? new Uint8Array(0);
    const offset = buffer.uint64(BUFFER.offset);
    const size = buffer.uint64(BUFFER.size);
    // The schema calls 0 and 1 "no offset": writers reserve the field with 1.
    if (offset <= 1n) return inside;
    const length = BigInt(file.bytes.length);
    if (offset > length || size > length - offset || inside.length > 0) {
      throw new ModelError(
        `buffer ${index}: expected ${size} bytes at offset ${offset} inside the ${length} bytes of the file and no other data, got ${inside.length} bytes of other data`,
        { where: { format: "tflite", field: `buffers[${index}]` } },
      );
    }
    return file.bytes.subarray(Number(offset), Number(offset + size));
  });
}

/** @throws ModelError, ShapeError, QuantizationError, ResourceError, each with the tensor's name */
export function readTensor(
  table: Table,
  index: number,
  buffers: readonly Uint8Array[],
  limits: Limits,
): TensorRecord {
  const name = table.string(TENSOR.name) ?? "";
  const label = `tensor ${index} "${name.slice(0, 80)}"`;
  try {
    return { label, ...readParts(table, name === "" ? `tensor_${index}` : name, buffers, limits) };
  } catch (error) {
    throw locateError(error, label, { format: "tflite", tensor: name });
  }
}

function readParts(
  table: Table,
  name: string,
  buffers: readonly Uint8Array[],
  limits: Limits,
): Omit<TensorRecord, "label"> {
  checkLimit(limits, "rank", table.count(TENSOR.shape, 4));
  const shape = table.int32s(TENSOR.shape) ?? [];
  checkLimit(limits, "elements", elementCount(shape));
  const bufferIndex = table.uint32(TENSOR.buffer);
  const data = buffers[bufferIndex];
  if (data === undefined) {
    throw new ModelError(`expected a buffer index below ${buffers.length}, got ${bufferIndex}`);
  }
  const typeCode = table.int8(TENSOR.type);
  const typeName = TENSOR_TYPES[typeCode] ?? `${typeCode}`;
  const format = formats.get(typeName.toLowerCase());
  const quantized = table.table(TENSOR.quantization);

  const unsupported: string[] = [];
  if (format === undefined) unsupported.push(`tensor type ${typeName}`);
  const isVariable = table.bool(TENSOR.isVariable);
  const isExternal = table.uint32(TENSOR.externalBuffer) !== 0;
  if (isVariable) unsupported.push("variable tensor");
  if (isExternal) unsupported.push("data in another file");
  if (table.has(TENSOR.sparsity)) unsupported.push("sparse tensor");
  if ((quantized?.uint8(QUANTIZATION.detailsType) ?? 0) !== 0) {
    unsupported.push("blockwise, multi-axis or custom quantization");
  }
  const isOpaque = OPAQUE_TYPES.includes(typeName);
  const isGiven = data.length > 0;
  const needsNoSource = isGiven || elementCount(shape) === 0 || isVariable || isExternal;
  const base = { typeName, isOpaque, isGiven, needsNoSource, unsupported };
  if (format === undefined || unsupported.length > 0) {
    return { ...base, value: { name, type: { format: uint8, shape } } };
  }

  const quantization = quantized && readQuantization(quantized, format, shape);
  const type: TensorType = quantization ? { format, shape, quantization } : { format, shape };
  const dynamicShape = readDynamicShape(table, shape);
  let value: Value = dynamicShape ? { name, type, dynamicShape } : { name, type };
  if (data.length > 0) {
    if (elementCount(shape) === 0) {
      throw new ShapeError(
        `expected extents above 0 for ${data.length} bytes of data, got [${shape.join(", ")}]`,
      );
    }
    value = { ...value, constant: tensorFromBytes(type, data) };
  }
  return { ...base, value };
}

/** Free extents are −1 in `shape_signature`; `undefined` if there is none. */
function readDynamicShape(table: Table, shape: Shape): number[] | undefined {
  const signature = table.int32s(TENSOR.shapeSignature);
  if (signature === undefined || signature.length === 0) return undefined;
  const fits =
    signature.length === shape.length &&
    signature.every((extent, i) => extent === -1 || extent === shape[i]);
  if (!fits) {
    throw new ModelError(
      `expected a shape signature that equals [${shape.join(", ")}] or has -1 in its place, got [${signature.join(", ")}]`,
    );
  }
  return signature.includes(-1) ? signature : undefined;
}

/**
 * real = (code − zero point) · scale. One scale, or one per extent of `quantized_dimension`.
 * Leftovers of training on float tensors mean nothing and are dropped, as TFLite does; those of FLOAT8
 * are scales of codes and may come without zero points. The values
 * of scales are checked where the graph is checked.
 */
function readQuantization(table: Table, format: Format, shape: Shape): Quantization | undefined {
  const count = table.count(QUANTIZATION.scale, 4);
  const zeroPoints = table.count(QUANTIZATION.zeroPoint, 8);
  const isPlain = format.kind === "float" && format.bits > 8;
  if (isPlain || (count === 0 && zeroPoints === 0)) return undefined;
  const hasPoints = zeroPoints > 0 || format.kind !== "float";
  if (count === 0 || (hasPoints && count !== zeroPoints)) {
    throw new QuantizationError(
      `expected as many zero points as scales and at least one, got ${count} scales and ${zeroPoints} zero points`,
    );
  }
  const axis = table.int32(QUANTIZATION.quantizedDimension);
  if (count > 1) checkChannels(axis, count, shape);
  const scales = table.float32s(QUANTIZATION.scale)!;
  const points = hasPoints ? table.int64s(QUANTIZATION.zeroPoint)! : new Int32Array(count);
  const [least, most] = format.kind === "float" ? [0, 0] : [format.min, format.max];
  for (const point of points) {
    if (point < least || point > most) {
      throw new QuantizationError(
        `expected a zero point in [${least}, ${most}] (${format.name}), got ${point}`,
      );
    }
  }
  return count === 1 ? perTensor(scales[0]!, points[0]!) : perChannel(scales, points, axis);
}

function checkChannels(axis: number, count: number, shape: Shape): void {
  const extent = shape[axis];
  if (extent === undefined) {
    throw new QuantizationError(
      `expected a quantized dimension below the rank ${shape.length}, got ${axis}`,
    );
  }
  if (extent !== count) {
    throw new QuantizationError(
      `expected 1 scale or one per channel of axis ${axis} (${extent}), got ${count}`,
    );
  }
}
