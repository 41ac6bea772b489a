/**
 * Checks that `infer` of many operators share. Each throws the error class of its
 * case (src/errors.ts); none returns a repaired value.
 */
import { ModelError, QuantizationError, ShapeError, UnsupportedError } from "../errors.ts";
import type { Format } from "../formats/index.ts";
import { checkQuantization } from "../quantization/index.ts";
import { elementCount, type Shape, type Tensor, type TensorType } from "../tensor/index.ts";
import type { Activation, Extent2D } from "./operator.ts";

/** Scale and zero point of a tensor that has one of each. */
export interface Affine {
  readonly scale: number;
  readonly zeroPoint: number;
}

/** An operand that must be there. */
export function requireInput<T>(
  inputs: readonly (T | undefined)[],
  index: number,
  what: string,
): T {
  const input = inputs[index];
  if (input === undefined) throw new ModelError(`expected ${what} as input ${index}, got none`);
  return input;
}

/** The number of inputs and outputs that an operator takes. */
export function checkCounts(
  inputs: readonly unknown[],
  [least, most]: readonly [number, number],
  declared: readonly TensorType[],
  outputs = 1,
): void {
  if (inputs.length < least || inputs.length > most) {
    const expected = least === most ? `${least}` : `${least} to ${most}`;
    throw new ModelError(`expected ${expected} inputs, got ${inputs.length}`);
  }
  if (declared.length !== outputs) {
    throw new ModelError(`expected ${outputs} output(s), got ${declared.length}`);
  }
}

export function describe(type: TensorType): string {
  return `${type.format.name}[${type.shape.join(", ")}]`;
}

export function checkRank(type: TensorType, rank: number, what: string): void {
  if (type.shape.length !== rank) {
    throw new ShapeError(`expected ${what} of rank ${rank}, got ${describe(type)}`);
  }
}

/** No extent of 0: a window, a channel or a weight has to be there. */
export function checkNotEmpty(type: TensorType, what: string): void {
  if (elementCount(type.shape) === 0) {
    throw new ShapeError(`expected ${what} without an extent of 0, got ${describe(type)}`);
  }
}

/** Images or filters of a window: four axes, none of 0. @throws ShapeError */
export function checkImages(type: TensorType, what: string): void {
  checkRank(type, 4, what);
  checkNotEmpty(type, what);
}

export function checkFormat(type: TensorType, names: readonly string[], what: string): void {
  if (!names.includes(type.format.name)) {
    throw new ModelError(`expected ${what} as ${names.join(" or ")}, got ${type.format.name}`);
  }
}

export function checkSameFormat(a: TensorType, b: TensorType, what: string): void {
  if (a.format !== b.format) {
    throw new ModelError(`expected ${what} as ${a.format.name}, got ${b.format.name}`);
  }
}

/** True for the activation formats int8 and uint8. */
export function isQuantized8(format: Format): boolean {
  return format.name === "int8" || format.name === "uint8";
}

/** Formats of integer activations; those below 8 bits feed only Conv2D and FullyConnected. */
export const CODE_FORMATS = ["int8", "uint8", "uint4", "uint2", "uint1"] as const;

/** True for the activation formats of 8 bits and fewer. */
export function isCode(format: Format): boolean {
  return (CODE_FORMATS as readonly string[]).includes(format.name);
}

/** The one scale and zero point of an integer activation. */
export function affine(type: TensorType, what: string): Affine {
  const quantization = type.quantization;
  if (quantization === undefined) {
    throw new QuantizationError(
      `expected ${what} (${type.format.name}) with scale and zero point, got none`,
    );
  }
  checkQuantization(quantization, type.format);
  if (quantization.scale.length !== 1) {
    throw new QuantizationError(
      `expected ${what} with one scale, got ${quantization.scale.length} scales`,
    );
  }
  return { scale: quantization.scale[0]!, zeroPoint: quantization.zeroPoint[0]! };
}

/** Input and output share scale and zero point: the operator moves or compares codes. */
function checkSameAffine(a: TensorType, b: TensorType, what: string): void {
  const x = affine(a, "input");
  const y = affine(b, what);
  if (x.scale !== y.scale || x.zeroPoint !== y.zeroPoint) {
    throw new QuantizationError(
      `expected ${what} with scale ${x.scale} and zero point ${x.zeroPoint} as the input, got ${y.scale} and ${y.zeroPoint}`,
    );
  }
}

/** A real multiplier that both rules can hold: finite and above 0 in float32. */
export function checkMultiplier(multiplier: number, what: string): void {
  if (!(multiplier > 0 && multiplier < Infinity)) {
    throw new QuantizationError(`expected a finite ${what} above 0, got ${multiplier}`);
  }
}

/** Strides, dilations and windows: integers from 1. */
export function checkExtents(extent: Extent2D, what: string): void {
  if (!extent.every((value) => Number.isSafeInteger(value) && value >= 1)) {
    throw new ModelError(`expected ${what} of integers above 0, got ${extent.join("x")}`);
  }
}

const ACTIVATIONS: readonly Activation[] = ["none", "relu", "relu6", "relu_n1_to_1"];

export function checkActivation(activation: Activation): void {
  if (!ACTIVATIONS.includes(activation)) {
    throw new ModelError(`expected an activation of ${ACTIVATIONS.join(", ")}, got ${activation}`);
  }
}

export function checkFinite(value: number, what: string): void {
  if (!Number.isFinite(value)) throw new ModelError(`expected a finite ${what}, got ${value}`);
}

/** A value that is known at load because the form needs it: packed weights, proven sums. */
export function requireConstant(tensor: Tensor | undefined, what: string): Tensor {
  if (tensor === undefined) {
    throw new UnsupportedError(`${what} that is computed at run time`);
  }
  return tensor;
}

/** The declared output with the shape that the operator gives it. */
export function outputType(declared: TensorType, shape: Shape): TensorType {
  elementCount(shape);
  return { ...declared, shape };
}

/** The 8-bit output of Logistic, Softmax and Tanh has one fixed quantization. */
export function checkFixedOutput(type: TensorType, scale: number, zeroPoint: number): void {
  if (!isQuantized8(type.format)) return;
  const own = affine(type, "output");
  if (own.scale !== scale || own.zeroPoint !== zeroPoint) {
    throw new QuantizationError(
      `expected output scale ${scale} and zero point ${zeroPoint}, got ${own.scale} and ${own.zeroPoint}`,
    );
  }
}

/** s_x / s_y is finite and above 0 in float32. */
export function checkScaleRatio(x: TensorType, y: TensorType): void {
  const ratio = Math.fround(affine(x, "input").scale / affine(y, "output").scale);
  checkMultiplier(ratio, "multiplier s_x / s_y");
}

/** Operands and output of an 8-bit operator that compares codes share scale and zero point. */
export function checkSharedQuantization([first, ...others]: readonly [
  TensorType,
  ...TensorType[],
]): void {
  if (!isQuantized8(first.format)) return;
  for (const other of others) checkSameAffine(first, other, "operands and output");
}
