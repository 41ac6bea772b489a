/**
 * Operators with one input and no neighbourhood: y[i] = g(x[i]). On 8 bits each is a table of 256
 * codes that is filled at load, by real arithmetic (docs/exactness.md, section 4) or by
 * the operator's own fixed-point rule.
 */
import { roundHalfAway, f32, type Rounding, saturate } from "../quantization/index.ts";
import { allocateTensor, type TensorType } from "../tensor/index.ts";
import {
  affine,
  checkCounts,
  checkFormat,
  isQuantized8,
  outputType,
  requireInput,
} from "./checks.ts";
import type { Operator } from "./operator.ts";

/** Attributes of an operator that has none. */
export type NoAttributes = Readonly<Record<string, never>>;

/** Output code (true sign, saturated) of an input code with its zero point removed. */
export type CodeRule = (corrected: number) => number;

export interface UnaryRule<A> {
  readonly name: string;
  /** Rules besides formats and scales: attributes, fixed output quantization, multipliers. */
  check?(x: TensorType, y: TensorType, attributes: A): void;
  /** The rule on 8 bits. */
  codes(x: TensorType, y: TensorType, attributes: A, rounding: Rounding): CodeRule;
  /** The rule on float32: argument and result are float32 values. */
  float(value: number, attributes: A): number;
}

/** An operator whose 8-bit form is a table. */
export interface TableOperator<A> extends Operator<A> {
  /** The output byte of each input byte: `y = table[x]` on bit patterns, int8 and uint8 alike. */
  table(x: TensorType, y: TensorType, attributes: A, rounding: Rounding): Uint8Array;
}

/** A table of output bytes by input byte from a rule on codes. */
export function codeTable(x: TensorType, rule: CodeRule): Uint8Array {
  const { zeroPoint } = affine(x, "input");
  const table = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) table[byte] = rule(x.format.decode(byte) - zeroPoint);
  return table;
}

/** y = sat(RHA(f32(g(f32(s_x · x1)) · f32(1 / s_y))) + z_y); NaN gives the lowest code. */
export function realCodes(x: TensorType, y: TensorType, real: (value: number) => number): CodeRule {
  const { scale: inputScale } = affine(x, "input");
  const { scale: outputScale, zeroPoint } = affine(y, "output");
  const inverse = f32(1 / outputScale);
  const { min, max } = y.format;
  return (corrected) => {
    const value = f32(real(f32(inputScale * corrected)) * inverse);
    return Number.isNaN(value) ? min : saturate(roundHalfAway(value) + zeroPoint, min, max);
  };
}

/** The operator of a rule; x in int8, uint8 or float32, y in the same format. */
export function unaryOperator<A>(rule: UnaryRule<A>): TableOperator<A> {
  const table: TableOperator<A>["table"] = (x, y, attributes, rounding) =>
    codeTable(x, rule.codes(x, y, attributes, rounding));
  return {
    name: rule.name,
    table,

    infer(inputs, attributes, declared) {
      checkCounts(inputs, [1, 1], declared);
      const x = requireInput(inputs, 0, "an input");
      const y = declared[0]!;
      checkFormat(x, ["float32", "int8", "uint8"], "input");
      checkFormat(y, [x.format.name], "output");
      if (isQuantized8(x.format)) {
        affine(x, "input");
        affine(y, "output");
      }
      rule.check?.(x, y, attributes);
      return [outputType(y, x.shape)];
    },

    reference(inputs, attributes, { outputs, rounding }) {
      const x = inputs[0]!;
      const y = allocateTensor(outputs[0]!);
      if (isQuantized8(x.type.format)) {
        lookUp(x.data, table(x.type, y.type, attributes, rounding), y.data);
      } else {
        for (let i = 0; i < x.data.length; i++) {
          y.data[i] = rule.float(Number(x.data[i]), attributes);
        }
      }
      return [y];
    },
  };
}

/** y = table[x] on the bytes of 8-bit codes. */
export function lookUp(
  x: { readonly buffer: ArrayBufferLike; readonly byteOffset: number; readonly length: number },
  table: Uint8Array,
  y: { readonly buffer: ArrayBufferLike; readonly byteOffset: number },
): void {
  const from = new Uint8Array(x.buffer, x.byteOffset, x.length);
  const to = new Uint8Array(y.buffer, y.byteOffset, x.length);
  for (let i = 0; i < from.length; i++) to[i] = table[from[i]!]!;
}
