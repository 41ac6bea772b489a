/**
 * What the operators have in common that move elements and compute nothing. Such an operator is a
 * list of strided moves: its reference carries them out one element after the other, its lowering
 * turns the same list into copy kernels.
 */
import { QuantizationError, UnsupportedError } from "../errors.ts";
import { checkQuantization, sameQuantization } from "../quantization/index.ts";
import {
  allocateTensor,
  elementCount,
  type Shape,
  type TensorData,
  type TensorType,
} from "../tensor/index.ts";
import { checkSameFormat, outputType, requireInput } from "./checks.ts";
import type { Operator } from "./operator.ts";

/** Elements of one tensor: element (i, j, …) lies at offset + i · strides[0] + j · strides[1] + …. */
export interface Region {
  /** Index of the operator's input (from) or output (to). */
  readonly tensor: number;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** One block of elements that moves. Two moves of one operator never write the same element. */
export interface Move {
  readonly shape: Shape;
  readonly from: Region;
  readonly to: Region;
  /** y = table[x] on 8-bit codes as unsigned bytes, instead of y = x. */
  readonly table?: Uint8Array;
}

export interface MovementOperator<A> extends Operator<A> {
  /** The moves that fill all outputs. Types as `infer` has checked and given them. */
  moves(
    inputs: readonly (TensorType | undefined)[],
    attributes: A,
    outputs: readonly TensorType[],
  ): Move[];
}

export function movementOperator<A>(
  operator: Pick<MovementOperator<A>, "name" | "infer" | "moves">,
): MovementOperator<A> {
  return {
    ...operator,
    reference(inputs, attributes, context) {
      const types = inputs.map((input) => input?.type);
      const outputs = context.outputs.map(allocateTensor);
      for (const move of operator.moves(types, attributes, context.outputs)) {
        carryOut(move, inputs[move.from.tensor]!.data, outputs[move.to.tensor]!.data);
      }
      return outputs;
    },
  };
}

/** Carries out one move between tensors of the same element width. */
export function carryOut({ shape, from, to, table }: Move, x: TensorData, y: TensorData): void {
  const source = wordsOf(x);
  const target = wordsOf(y);
  const wordsPerElement = x.BYTES_PER_ELEMENT / source.BYTES_PER_ELEMENT;
  const count = elementCount(shape);
  const index = new Array<number>(shape.length).fill(0);
  let read = from.offset;
  let write = to.offset;
  for (let i = 0; i < count; i++) {
    for (let w = 0; w < wordsPerElement; w++) {
      const word = source[read * wordsPerElement + w]!;
      target[write * wordsPerElement + w] = table === undefined ? word : table[word]!;
    }
    // The next index, last axis first; an axis that is through goes back to its start.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      read += from.strides[axis]!;
      write += to.strides[axis]!;
      index[axis]! += 1;
      if (index[axis]! < shape[axis]!) break;
      read -= from.strides[axis]! * shape[axis]!;
      write -= to.strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}

/** Elements as unsigned words, so that no bit pattern changes on the way; 64 bits are two words. */
export function wordsOf(data: TensorData): Uint8Array | Uint16Array | Uint32Array {
  const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT: width } = data;
  if (width === 1) return new Uint8Array(buffer, byteOffset, byteLength);
  if (width === 2) return new Uint16Array(buffer, byteOffset, byteLength / 2);
  return new Uint32Array(buffer, byteOffset, byteLength / 4);
}

/** All inputs, each present. */
export function presentInputs(inputs: readonly (TensorType | undefined)[]): TensorType[] {
  return inputs.map((_, i) => requireInput(inputs, i, "a tensor"));
}

/**
 * The declared type with the shape that the operator gives it, for a result whose codes come from
 * `x` unchanged: format, scale and zero point must agree, since nothing is converted on the way.
 */
export function movedType(x: TensorType, declared: TensorType, shape: Shape): TensorType {
  checkWholeBytes(x, "input");
  checkSameFormat(x, declared, "output");
  checkSameQuantization(x, declared, "output");
  return outputType(declared, shape);
}

export function checkWholeBytes({ format }: TensorType, what: string): void {
  if (format.bits % 8 !== 0) {
    throw new UnsupportedError(
      `${what} of packed ${format.name} in an operator that moves elements`,
    );
  }
}

/** Both without quantization, or both with the same one per tensor. */
export function checkSameQuantization(a: TensorType, b: TensorType, what: string): void {
  for (const { quantization, format } of [a, b]) {
    if (quantization === undefined) continue;
    checkQuantization(quantization, format);
    if (quantization.scale.length > 1) {
      throw new QuantizationError(
        `expected one scale where elements move, got ${quantization.scale.length}`,
      );
    }
  }
  if (!sameQuantization(a.quantization, b.quantization)) {
    throw new QuantizationError(
      `expected ${what} with ${affineText(a)} as the input, got ${affineText(b)}`,
    );
  }
}

function affineText({ quantization }: TensorType): string {
  if (quantization === undefined) return "no quantization";
  return `scale ${quantization.scale[0]} and zero point ${quantization.zeroPoint[0]}`;
}
