/**
 * Operators with two inputs that broadcast: y[i] = f(a[…], b[…]). The loops live here, an operator
 * gives its rule per family of formats.
 */
import { ModelError } from "../errors.ts";
import type { Format } from "../formats/index.ts";
import type { Rounding } from "../quantization/index.ts";
import {
  allocateTensor,
  broadcastShapes,
  broadcastStrides,
  elementCount,
  sameShape,
  type Shape,
  type Tensor,
  type TensorType,
} from "../tensor/index.ts";
import { clampFloat, floatActivationRange } from "./activation-range.ts";
import {
  affine,
  checkActivation,
  checkCounts,
  checkFormat,
  isQuantized8,
  outputType,
  requireInput,
} from "./checks.ts";
import type { Activation, Operator } from "./operator.ts";

/** Output code of two input codes with their zero points removed. */
export type CodePairRule = (a: number, b: number) => number;

export interface BinaryRule<A> {
  readonly name: string;
  /** Formats that have a rule here. */
  readonly formats: readonly string[];
  /** Rules besides formats, shapes and scales. */
  check?(a: TensorType, b: TensorType, y: TensorType, attributes: A): void;
  /** The rule on 8 bits, clamped. */
  codes?(
    a: TensorType,
    b: TensorType,
    y: TensorType,
    attributes: A,
    rounding: Rounding,
  ): CodePairRule;
  /** The rule on float32, rounded to float32; the activation is applied by the loop. */
  float?(a: number, b: number): number;
  /** The rule on int32; the result wraps to 32 bits, then the activation is applied. */
  integer?(a: number, b: number): number;
  /** The rule on int64; the result wraps to 64 bits. */
  long?(a: bigint, b: bigint): bigint;
  /** The fused activation; absent means none. */
  activation?(attributes: A): Activation;
}

/**
 * For each element of `result`, the element of an operand that meets it; undefined where that is the
 * same index.
 */
function broadcastIndices(shape: Shape, result: Shape): Int32Array | undefined {
  if (sameShape(shape, result)) return undefined;
  const indices = new Int32Array(elementCount(result));
  const strides = broadcastStrides(shape, result);
  const position = new Int32Array(result.length);
  let own = 0;
  for (let i = 0; i < indices.length; i++) {
    indices[i] = own;
    for (let d = result.length - 1; d >= 0; d--) {
      own += strides[d]!;
      if (++position[d]! < result[d]!) break;
      own -= strides[d]! * result[d]!;
      position[d] = 0;
    }
  }
  return indices;
}

/** y[i] = rule(a, b) on numbers. */
function eachPair(a: Tensor, b: Tensor, y: Tensor, rule: (a: number, b: number) => number): void {
  const left = a.data as Int32Array;
  const right = b.data as Int32Array;
  const to = y.data as Int32Array;
  const ai = broadcastIndices(a.type.shape, y.type.shape);
  const bi = broadcastIndices(b.type.shape, y.type.shape);
  for (let i = 0; i < to.length; i++) {
    to[i] = rule(left[ai === undefined ? i : ai[i]!]!, right[bi === undefined ? i : bi[i]!]!);
  }
}

function eachLongPair(
  a: Tensor,
  b: Tensor,
  y: Tensor,
  rule: (a: bigint, b: bigint) => bigint,
): void {
  const left = a.data as BigInt64Array;
  const right = b.data as BigInt64Array;
  const to = y.data as BigInt64Array;
  const ai = broadcastIndices(a.type.shape, y.type.shape);
  const bi = broadcastIndices(b.type.shape, y.type.shape);
  for (let i = 0; i < to.length; i++) {
    to[i] = rule(left[ai === undefined ? i : ai[i]!]!, right[bi === undefined ? i : bi[i]!]!);
  }
}

/** The operator of a rule: both inputs and the output have one format. */
export function binaryOperator<A>(rule: BinaryRule<A>): Operator<A> {
  return {
    name: rule.name,

    infer(inputs, attributes, declared) {
      checkCounts(inputs, [2, 2], declared);
      const a = requireInput(inputs, 0, "a first operand");
      const b = requireInput(inputs, 1, "a second operand");
      const y = declared[0]!;
      checkFormat(a, rule.formats, "first operand");
      checkFormat(b, [a.format.name], "second operand");
      checkFormat(y, [a.format.name], "output");
      const activation = rule.activation?.(attributes) ?? "none";
      checkActivation(activation);
      if (a.format.name === "int64" && activation !== "none") {
        throw new ModelError(`expected no activation on int64, got ${activation}`);
      }
      const shape = broadcastShapes(a.shape, b.shape);
      if (isQuantized8(a.format)) {
        affine(a, "first operand");
        affine(b, "second operand");
        affine(y, "output");
      }
      rule.check?.(a, b, y, attributes);
      return [outputType(y, shape)];
    },

    reference(inputs, attributes, { outputs, rounding }) {
      const [a, b] = inputs as [Tensor, Tensor];
      const y = allocateTensor(outputs[0]!);
      if (a.type.format.name === "int64") {
        eachLongPair(a, b, y, rule.long!);
      } else {
        eachPair(a, b, y, numberRule(rule, a, b, y, attributes, rounding));
      }
      return [y];
    },
  };
}

function numberRule<A>(
  rule: BinaryRule<A>,
  a: Tensor,
  b: Tensor,
  y: Tensor,
  attributes: A,
  rounding: Rounding,
): (a: number, b: number) => number {
  const format: Format = a.type.format;
  if (isQuantized8(format)) {
    const codes = rule.codes!(a.type, b.type, y.type, attributes, rounding);
    const za = affine(a.type, "first operand").zeroPoint;
    const zb = affine(b.type, "second operand").zeroPoint;
    return (p, q) => codes(p - za, q - zb);
  }
  const range = floatActivationRange(rule.activation?.(attributes) ?? "none");
  if (format.name === "float32") {
    const float = rule.float!;
    return (p, q) => clampFloat(float(p, q), range);
  }
  const integer = rule.integer!;
  return (p, q) => clampFloat(integer(p, q) | 0, range);
}
