/** One operator on tensors, without a graph: infer, then reference. */
import { type Format, int32 } from "../../src/formats/index.ts";
import type { Operator } from "../../src/operators/index.ts";
import type { Quantization, Rounding } from "../../src/quantization/index.ts";
import {
  allocateTensor,
  elementCount,
  type Shape,
  type Tensor,
  type TensorType,
} from "../../src/tensor/index.ts";

export function typeOf(format: Format, shape: Shape, quantization?: Quantization): TensorType {
  return quantization === undefined ? { format, shape } : { format, shape, quantization };
}

/** A tensor of the given values. */
export function tensor(type: TensorType, values: readonly (number | bigint)[]): Tensor {
  const result = allocateTensor(type);
  const { data } = result;
  values.forEach((value, i) => {
    if (data instanceof BigInt64Array) data[i] = BigInt(value);
    else data[i] = Number(value);
  });
  return result;
}

/** 0, 1, 2, … in a shape. */
export function counting(shape: Shape, format: Format = int32): Tensor {
  return tensor(
    typeOf(format, shape),
    Array.from({ length: elementCount(shape) }, (_, i) => i),
  );
}

export interface ApplyOptions {
  readonly rounding?: Rounding;
  /** Declared types of the outputs; else one of the first input's format and quantization. */
  readonly declared?: readonly TensorType[];
  /** Inputs that are constant; else none. */
  readonly constants?: readonly number[];
}

/** The operator's results. Throws what `infer` or `reference` throws. */
export function apply<A>(
  operator: Operator<A>,
  attributes: A,
  inputs: readonly (Tensor | undefined)[],
  { rounding = "fp32", declared, constants = [] }: ApplyOptions = {},
): Tensor[] {
  const outputs = operator.infer(
    inputs.map((input) => input?.type),
    attributes,
    declared ?? [{ ...inputs[0]!.type, shape: [] }],
    inputs.map((input, i) => (constants.includes(i) ? input : undefined)),
  );
  return operator.reference(inputs, attributes, { rounding, outputs });
}

/** Shape and values of the only result. */
export function applyOne<A>(
  operator: Operator<A>,
  attributes: A,
  inputs: readonly (Tensor | undefined)[],
  options?: ApplyOptions,
): { shape: Shape; values: (number | bigint)[] } {
  const [y] = apply(operator, attributes, inputs, options);
  return { shape: y!.type.shape, values: [...y!.data] };
}
