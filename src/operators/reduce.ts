/**
 * Mean and Sum: one number per group of elements that the reduced axes join. On 8 bits from the plain
 * sum S of the stored codes (docs/exactness.md, section 4, MEAN).
 */
import { ShapeError, UnsupportedError } from "../errors.ts";
import { roundHalfEven } from "../formats/index.ts";
import {
  f32,
  type FixedMultiplier,
  multiplyByQuantizedMultiplier,
  type OutputRange,
  quantizeMultiplier,
  type Rounding,
  saturate,
} from "../quantization/index.ts";
import {
  allocateTensor,
  elementCount,
  normalizeAxis,
  rowMajorStrides,
  type Shape,
  type TensorType,
} from "../tensor/index.ts";
import {
  affine,
  checkCounts,
  checkFormat,
  checkNotEmpty,
  checkScaleRatio,
  isQuantized8,
  outputType,
  requireInput,
} from "./checks.ts";
import type { Operator } from "./operator.ts";

export interface ReduceAttributes {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** What a reduction keeps of a shape. */
export interface ReduceGeometry {
  readonly reduced: readonly boolean[];
  readonly output: Shape;
  /** Elements that meet in one output. */
  readonly count: number;
}

/** @throws ShapeError an axis out of range or twice */
export function reduceGeometry(shape: Shape, { axes, keepDims }: ReduceAttributes): ReduceGeometry {
  const reduced = shape.map(() => false);
  for (const axis of axes) {
    const index = normalizeAxis(axis, shape.length);
    if (reduced[index]) throw new ShapeError(`expected each axis once, got ${axes.join(", ")}`);
    reduced[index] = true;
  }
  const count = elementCount(shape.filter((_, i) => reduced[i]));
  const output = keepDims
    ? shape.map((extent, i) => (reduced[i] ? 1 : extent))
    : shape.filter((_, i) => !reduced[i]);
  return { reduced, output, count };
}

/** What turns the plain sum S of n codes into the output code. */
export type ReduceConstants =
  | {
      /** sat(RNE(f32(f32(f32(S) · scale) + offset))): the zero point is inside the rounding. */
      readonly rule: "fp32";
      readonly scale: number;
      readonly offset: number;
      readonly range: OutputRange;
    }
  | {
      /** sat(MBQM(S − inputOffset, multiplier) + z_y), inputOffset = n · z_x. */
      readonly rule: "fixed";
      readonly inputOffset: number;
      readonly multiplier: FixedMultiplier;
      readonly range: OutputRange;
    };

/** Q · 2^h / n with the largest h that keeps it in 32 bits. */
function divideMultiplier({ q, exponent }: FixedMultiplier, count: number): FixedMultiplier {
  const h = Math.min(31 - Math.clz32(count), 32, 31 + exponent);
  return { q: Number((BigInt(q) << BigInt(h)) / BigInt(count)), exponent: exponent - h };
}

function reduceConstants(
  x: TensorType,
  y: TensorType,
  count: number,
  mean: boolean,
  rounding: Rounding,
): ReduceConstants {
  const { scale: inputScale, zeroPoint: inputZeroPoint } = affine(x, "input");
  const { scale: outputScale, zeroPoint } = affine(y, "output");
  const range = { zeroPoint, low: y.format.min, high: y.format.max };
  if (rounding === "fp32") {
    const ratio = f32(inputScale / outputScale);
    const scale = mean ? f32(ratio * f32(1 / count)) : ratio;
    const offset = f32(zeroPoint - f32(f32(count * inputZeroPoint) * scale));
    return { rule: "fp32", scale, offset, range };
  }
  const multiplier = quantizeMultiplier(inputScale / outputScale);
  return {
    rule: "fixed",
    inputOffset: count * inputZeroPoint,
    multiplier: mean ? divideMultiplier(multiplier, count) : multiplier,
    range,
  };
}

/** Constants of Mean over `count` elements. */
export function meanConstants(
  x: TensorType,
  y: TensorType,
  count: number,
  rounding: Rounding,
): ReduceConstants {
  return reduceConstants(x, y, count, true, rounding);
}

/** Constants of Sum over `count` elements. */
export function sumConstants(
  x: TensorType,
  y: TensorType,
  count: number,
  rounding: Rounding,
): ReduceConstants {
  return reduceConstants(x, y, count, false, rounding);
}

function reduceCode(sum: number, constants: ReduceConstants): number {
  const { zeroPoint, low, high } = constants.range;
  if (constants.rule === "fp32") {
    const value = f32(f32(f32(sum) * constants.scale) + constants.offset);
    return saturate(roundHalfEven(value), low, high);
  }
  const scaled = multiplyByQuantizedMultiplier(sum - constants.inputOffset, constants.multiplier);
  return saturate(scaled + zeroPoint, low, high);
}

/** The output element of each element of x, in row-major order. */
function* outputIndices(shape: Shape, { reduced }: ReduceGeometry): Generator<number> {
  const kept = shape.map((extent, i) => (reduced[i] ? 1 : extent));
  const strides = rowMajorStrides(kept).map((stride, i) => (reduced[i] ? 0 : stride));
  const position = new Int32Array(shape.length);
  let own = 0;
  for (let left = elementCount(shape); left > 0; left--) {
    yield own;
    for (let d = shape.length - 1; d >= 0; d--) {
      own += strides[d]!;
      if (++position[d]! < shape[d]!) break;
      own -= strides[d]! * shape[d]!;
      position[d] = 0;
    }
  }
}

/** Mean or Sum; x in float32, int8, uint8, int32 or int64. Integer sums wrap, means truncate. */
export function reduceOperator(name: string, mean: boolean): Operator<ReduceAttributes> {
  return {
    name,

    infer(inputs, attributes, declared) {
      checkCounts(inputs, [1, 1], declared);
      const x = requireInput(inputs, 0, "an input");
      const y = declared[0]!;
      checkFormat(x, ["float32", "int8", "uint8", "int32", "int64"], "input");
      checkFormat(y, [x.format.name], "output");
      checkNotEmpty(x, "input");
      const { output, count } = reduceGeometry(x.shape, attributes);
      if (isQuantized8(x.format)) {
        checkScaleRatio(x, y);
        if (count * 512 >= 2 ** 31) {
          throw new UnsupportedError(`a sum of ${count} codes, which may pass int32`);
        }
      }
      return [outputType(y, output)];
    },

    reference([x], attributes, { outputs, rounding }) {
      const y = allocateTensor(outputs[0]!);
      const { type, data } = x!;
      const geometry = reduceGeometry(type.shape, attributes);
      const indices = outputIndices(type.shape, geometry);
      const { count } = geometry;
      let i = 0;
      if (data instanceof BigInt64Array) {
        const sums = y.data as BigInt64Array;
        for (const o of indices) sums[o] = sums[o]! + data[i++]!;
        if (mean) for (let o = 0; o < sums.length; o++) sums[o] = sums[o]! / BigInt(count);
      } else if (data instanceof Float32Array) {
        // From 0 in row-major order, then one division.
        const sums = y.data as Float32Array;
        for (const o of indices) sums[o] = f32(sums[o]! + data[i++]!);
        if (mean) for (let o = 0; o < sums.length; o++) sums[o] = f32(sums[o]! / count);
      } else {
        const sums = new Int32Array(y.data.length);
        for (const o of indices) sums[o] = (sums[o]! + data[i++]!) | 0;
        if (isQuantized8(type.format)) {
          const constants = reduceConstants(type, y.type, count, mean, rounding);
          for (let o = 0; o < sums.length; o++) y.data[o] = reduceCode(sums[o]!, constants);
        } else {
          for (let o = 0; o < sums.length; o++) y.data[o] = mean ? sums[o]! / count : sums[o]!;
        }
      }
      return [y];
    },
  };
}
