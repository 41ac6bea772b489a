/**
 * Softmax over the last axis: e^(beta · x) / Σ e^(beta · x). The 8-bit output is fixed to scale 1/256
 * and the lowest zero point (docs/exactness.md, section 4).
 */
import { ModelError } from "../errors.ts";
import { roundHalfEven } from "../formats/index.ts";
import {
  f32,
  type FixedMultiplier,
  multiplyByQuantizedMultiplier,
  quantizeMultiplier,
  roundingDivideByPowerOfTwo as divide,
  type Rounding,
  saturate,
  saturatingRoundingDoublingHighMul as multiply,
} from "../quantization/index.ts";
import { allocateTensor, type Tensor, type TensorType } from "../tensor/index.ts";
import {
  affine,
  checkCounts,
  checkFinite,
  checkFixedOutput,
  checkFormat,
  checkMultiplier,
  checkNotEmpty,
  isQuantized8,
  outputType,
  requireInput,
} from "./checks.ts";
import { exp } from "./elementary.ts";
import { expFixed, reciprocalOnePlus } from "./fixed-point.ts";
import type { Operator } from "./operator.ts";

export interface SoftmaxAttributes {
  readonly beta: number;
}

/** What turns a difference to the row's maximum into its share. */
export type SoftmaxConstants =
  | {
      /** exps[d] = f32(exp(f32(k · d))) for d = max − x; share = f32(exps[d] · f32(1 / f32(sum · s_y))). */
      readonly rule: "fp32";
      readonly exps: Float32Array;
      readonly outputScale: number;
    }
  | {
      /** e = exp_fixed(MBQM(x − max, multiplier)) for differences from `least`. */
      readonly rule: "fixed";
      readonly multiplier: FixedMultiplier;
      readonly least: number;
    };

/** beta · s_x in Q5.26, at most what 31 bits hold. */
function fixedScale(x: TensorType, beta: number): number {
  return Math.min(beta * affine(x, "input").scale * 2 ** 26, 2 ** 31 - 1);
}

export function softmaxConstants(
  x: TensorType,
  y: TensorType,
  { beta }: SoftmaxAttributes,
  rounding: Rounding,
): SoftmaxConstants {
  if (rounding === "fp32") {
    const k = f32(-f32(affine(x, "input").scale) * f32(beta));
    const exps = Float32Array.from({ length: 256 }, (_, d) => exp(f32(k * d)));
    return { rule: "fp32", exps, outputScale: affine(y, "output").scale };
  }
  const multiplier = quantizeMultiplier(fixedScale(x, f32(beta)));
  const least = -Math.floor((31 * 2 ** 26) / 2 ** multiplier.exponent);
  return { rule: "fixed", multiplier, least };
}

export const softmax: Operator<SoftmaxAttributes> = {
  name: "Softmax",

  infer(inputs, { beta }, declared) {
    checkCounts(inputs, [1, 1], declared);
    const x = requireInput(inputs, 0, "an input");
    const y = declared[0]!;
    checkFormat(x, ["float32", "int8", "uint8"], "input");
    checkFormat(y, [x.format.name], "output");
    checkFinite(beta, "beta");
    checkNotEmpty(x, "input");
    if (x.shape.length === 0) throw new ModelError("expected an input of rank 1 or more, got 0");
    if (isQuantized8(x.format)) {
      checkFixedOutput(y, 1 / 256, y.format.min);
      checkMultiplier(f32(beta * affine(x, "input").scale), "multiplier beta · s_x");
    }
    return [outputType(y, x.shape)];
  },

  reference(inputs, attributes, { outputs, rounding }) {
    const x = inputs[0]!;
    const y = allocateTensor(outputs[0]!);
    const classes = x.type.shape.at(-1)!;
    if (isQuantized8(x.type.format)) {
      softmaxCodes(x, y, classes, softmaxConstants(x.type, y.type, attributes, rounding));
    } else {
      softmaxFloats(x.data as Float32Array, y.data as Float32Array, classes, attributes.beta);
    }
    return [y];
  },
};

function softmaxCodes(x: Tensor, y: Tensor, classes: number, constants: SoftmaxConstants): void {
  const { min, max } = y.type.format;
  for (let from = 0; from < x.data.length; from += classes) {
    const row = x.data.subarray(from, from + classes) as Int8Array | Uint8Array;
    const share = shareOf(row, constants);
    for (let i = 0; i < classes; i++) {
      y.data[from + i] = saturate(share(row[i]!) + min, min, max);
    }
  }
}

/** The share of a code in its row, in 1/256, before the zero point. */
function shareOf(
  row: Int8Array | Uint8Array,
  constants: SoftmaxConstants,
): (code: number) => number {
  let most = row[0]!;
  for (const code of row) if (code > most) most = code;
  if (constants.rule === "fp32") {
    const { exps, outputScale } = constants;
    let sum = 0;
    for (const code of row) sum = f32(sum + exps[most - code]!);
    const inverse = f32(1 / f32(sum * outputScale));
    return (code) => roundHalfEven(f32(exps[most - code]! * inverse));
  }
  const { multiplier, least } = constants;
  const power = (code: number): number =>
    expFixed(multiplyByQuantizedMultiplier(code - most, multiplier));
  let sum = 0;
  for (const code of row) if (code - most >= least) sum += divide(power(code), 12);
  // The sum has 12 integer bits as uint32; from 2^32 on (8192 equal classes) every share is 0.
  if (sum >= 2 ** 32) return () => 0;
  const headroom = Math.clz32(sum);
  const inverse = reciprocalOnePlus(sum * 2 ** headroom - 2 ** 31);
  const right = 12 - headroom + 23;
  return (code) =>
    code - most < least || right > 31 ? 0 : divide(multiply(inverse, power(code)), right);
}

/**
 * Float32: e = f32(exp(f32(f32(x − max) · beta))), their sum in index order, y = f32(e / sum). With a
 * negative beta the maximum is still that of x.
 */
function softmaxFloats(x: Float32Array, y: Float32Array, classes: number, beta: number): void {
  const slope = f32(beta);
  for (let from = 0; from < x.length; from += classes) {
    let most = x[from]!;
    for (let i = 1; i < classes; i++) if (x[from + i]! > most) most = x[from + i]!;
    let sum = 0;
    for (let i = from; i < from + classes; i++) {
      const power = f32(exp(f32(f32(x[i]! - most) * slope)));
      y[i] = power;
      sum = f32(sum + power);
    }
    for (let i = from; i < from + classes; i++) y[i] = f32(y[i]! / sum);
  }
}
