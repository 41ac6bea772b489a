/** From samples to inputs, and from outputs to the class that a network names. */
import { InputError } from "../../errors.ts";
import type { TensorInfo, TypedArray } from "../../model/index.ts";
import { imageToInput, type Preset } from "../presets.ts";
import type { Sample } from "./dataset.ts";

/** Scale and zero point of features that are given as codes. */
export type FeatureType = NonNullable<TensorInfo["quantization"]>;

/**
 * Integer inputs take bytes and features as codes (int8: byte − 128). Float inputs take real values: an
 * image's by the preset, features by their own quantization.
 * @throws InputError where the sample does not fit the input
 */
export function sampleToInput(
  sample: Sample,
  input: TensorInfo,
  floatPreset: Preset,
  features?: FeatureType,
): TypedArray {
  const isFloat = input.dtype === "float32";
  if ("image" in sample) return imageToInput(sample.image, input, isFloat ? floatPreset : "codes");
  if (!isFloat) return sample.codes;
  if (features === undefined) {
    throw new InputError(`input "${input.name}": expected int8 for features in int8, got float32`);
  }
  const { scale, zeroPoint } = features;
  return Float32Array.from(sample.codes, (code) => scale * (code - zeroPoint));
}

/** Whether the largest output is the label; networks with 1001 classes have the background as class 0. */
export function isCorrect(output: ArrayLike<number | bigint>, label: number): boolean {
  return largestIndex(output) === label + (output.length === 1001 ? 1 : 0);
}

/** The first of equal ones, as NumPy's argmax. */
export function largestIndex(values: ArrayLike<number | bigint>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
