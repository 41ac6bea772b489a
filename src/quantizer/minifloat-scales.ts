/**
 * Scales of minifloats. The least squared error over a few candidates below the scale that holds the
 * largest value: floats are dense near zero, so the optimum is flat and close to it.
 */
import { float32, float8_e8m0fnu, type Minifloat } from "../formats/index.ts";
import { type BlockFormat, blockScaleCode, f32 } from "../quantization/index.ts";

/** Candidates per octave, and how many: down to about half of the largest value for weights. */
const STEPS_PER_OCTAVE = 8;
const WEIGHT_STEPS = 10;
/** Activations have longer tails. */
const ACTIVATION_STEPS = 24;

/** Scales of weights times scales of inputs stay normal float32 numbers. */
const MIN_SCALE = 2 ** -62;

/** Rounds to the nearest number of a format, ties to even, saturating: its value, not its code. */
export type Rounder = (value: number) => number;

const bitsOf = new Float32Array(1);
const bits = new Uint32Array(bitsOf.buffer);
/** 2^52: from here on a float64 is an integer, so adding it rounds to one, ties to even. */
const INTEGERS = 2 ** 52;

export function rounderOf({ mantissaBits, bias, max }: Minifloat): Rounder {
  const units = Float64Array.from({ length: 256 }, (_, exponent) => {
    return 2 ** (Math.max(exponent - 127, 1 - bias) - mantissaBits);
  });
  return (value) => {
    const a = Math.abs(value);
    if (a >= max) return value < 0 ? -max : max;
    bitsOf[0] = a;
    const unit = units[bits[0]! >>> 23]!;
    const rounded = Math.min((a / unit + INTEGERS - INTEGERS) * unit, max);
    return value < 0 ? -rounded : rounded;
  };
}

export interface ScaleSearch {
  readonly format: Minifloat;
  readonly round: Rounder;
  readonly powerOfTwo: boolean;
  /** The format, in blocks. */
  readonly block?: BlockFormat | undefined;
}

/** The scale that puts the largest magnitude on the largest number. */
export function rangeScale({ format, powerOfTwo }: ScaleSearch, largest: number): number {
  if (!(largest > 0)) return 1;
  const scale = Math.max(largest / format.max, MIN_SCALE);
  return powerOfTwo ? 2 ** Math.ceil(Math.log2(scale)) : f32(scale);
}

export function weightScale(search: ScaleSearch, values: Float32Array): number {
  const largest = largestOf(values);
  if (search.block !== undefined) return blockScale(search, search.block, values, largest);
  return bestScale(search, values, largest, WEIGHT_STEPS);
}

/** The standard's scale of a block, or twice that, with which nothing saturates: that of less squared error. */
function blockScale(
  { round }: ScaleSearch,
  block: BlockFormat,
  values: Float32Array,
  largest: number,
): number {
  const code = blockScaleCode(block, largest);
  // From the top binade values would round to infinity.
  const other = Math.min(code + 1, blockScaleCode(block, float32.max));
  const [standard, twice] = [code, other].map((own) => float8_e8m0fnu.decode(own)) as [
    number,
    number,
  ];
  return squaredError(round, values, twice) < squaredError(round, values, standard)
    ? twice
    : standard;
}

/** @param largest of all values, of which `values` may be a part */
export function activationScale(
  search: ScaleSearch,
  values: Float32Array,
  largest: number,
): number {
  return bestScale(search, values, largest, ACTIVATION_STEPS);
}

function bestScale(
  search: ScaleSearch,
  values: Float32Array,
  largest: number,
  steps: number,
): number {
  const start = rangeScale(search, largest);
  if (!(largest > 0)) return start;
  const stride = search.powerOfTwo ? STEPS_PER_OCTAVE : 1;
  let best = start;
  let least = Infinity;
  for (let step = 0; step <= steps; step += stride) {
    const scale = Math.max(f32(start * 2 ** (-step / STEPS_PER_OCTAVE)), MIN_SCALE);
    const error = squaredError(search.round, values, scale);
    if (error >= least) continue;
    least = error;
    best = scale;
  }
  return best;
}

function squaredError(round: Rounder, values: Float32Array, scale: number): number {
  let error = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    error += (value - round(value / scale) * scale) ** 2;
  }
  return error;
}

export function largestOf(values: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]!));
  return largest;
}
