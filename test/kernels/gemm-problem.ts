/** Random operands of matrix products and convolutions, for tests and benches. */
import { float32, type Format, int32, int4, int8, uint8 } from "../../src/formats/index.ts";
import type { Graph } from "../../src/graph/index.ts";
import { type Operator } from "../../src/operators/index.ts";
import { perChannel, perTensor, type Rounding } from "../../src/quantization/index.ts";
import {
  allocateTensor,
  type Shape,
  type Tensor,
  type TensorType,
} from "../../src/tensor/index.ts";
import { nodeGraph, randomData, randomSource } from "./runner.ts";

/**
 * Formats of activations and weights: int8 per channel; int4 weights, packed in the file; uint8 with
 * weights whose zero point leaves int8, and with such that do not ("wide", also beside int8); float32.
 */
export const operandForms = [
  "int8",
  "int4",
  "int8 wide",
  "uint8",
  "uint8 wide",
  "float32",
  "float32 interleaved",
] as const;
export type OperandForm = (typeof operandForms)[number];
export const roundings: readonly Rounding[] = ["fp32", "tflite-reference"];

/** The short type codes of the kernel that takes a form. */
export function operandCode(form: OperandForm): string {
  const codes = {
    int8: "i8_i8_4x8c2",
    int4: "i8_i8_4x8c2",
    "int8 wide": "i8_i16_4x8c2",
    uint8: "u8_i8_4x8c2",
    "uint8 wide": "u8_i16_4x8c2",
    float32: "f32_f32_5x8c1",
    "float32 interleaved": "f32_f32_4x8c1",
  };
  return codes[form];
}

export interface ProblemShape {
  readonly form: OperandForm;
  readonly x: Shape;
  readonly w: Shape;
  readonly channels: number;
  /** Products per output. */
  readonly depth: number;
  readonly hasBias?: boolean;
  /** Factor of the output's scale: small ones make scaled sums large. */
  readonly outputFactor?: number | undefined;
  readonly seed?: number;
}

function weightFormat(form: OperandForm): Format {
  return form === "int4"
    ? int4
    : form === "int8"
      ? int8
      : form.startsWith("float32")
        ? float32
        : uint8;
}

/** A one-node graph with random weights and scales; results cover the output's range and its ends. */
export function randomProblem<A>(
  operator: Operator<A>,
  attributes: A,
  { form, x, w, channels, depth, hasBias = true, outputFactor = 1, seed = 1 }: ProblemShape,
): { graph: Graph; random: () => number } {
  const random = randomSource(seed);
  const constant = (type: TensorType): Tensor => ({ type, data: randomData(type, random) });
  if (form.startsWith("float32")) {
    const bias = hasBias ? constant({ format: float32, shape: [channels] }) : undefined;
    const weights = constant({ format: float32, shape: w });
    const inputs = [{ format: float32, shape: x }, weights, bias];
    return {
      graph: nodeGraph(operator, attributes, inputs, [{ format: float32, shape: [] }]),
      random,
    };
  }
  const format = form.startsWith("uint8") ? uint8 : int8;
  const isSymmetric = weightFormat(form) !== uint8;
  const low = format.min;
  const inputScale = 0.02 + random() * 0.01;
  // Standard deviation of a sum of products of full-range codes, brought to about 60 codes.
  const spread = 74 * (form === "int4" ? 5 : 74) * Math.sqrt(depth);
  const outputScale = ((inputScale * 0.005 * spread) / 60) * outputFactor;
  const scale = () => 0.005 * (0.3 + random());
  const quantization = isSymmetric
    ? perChannel(Array.from({ length: channels }, scale), new Int32Array(channels), 0)
    : perTensor(0.005, form.endsWith("wide") ? 97 : 128);
  const weights = constant({ format: weightFormat(form), shape: w, quantization });
  // 255 − 97 leaves int8, however few weights there are.
  if (form.endsWith("wide")) weights.data[0] = 255;
  const bias = allocateTensor({ format: int32, shape: [channels] });
  bias.data.forEach((_, i) => (bias.data[i] = Math.round((random() - 0.5) * spread)));
  const type = {
    format,
    shape: x,
    quantization: perTensor(inputScale, low + Math.floor(random() * 256)),
  };
  const y = { format, shape: [], quantization: perTensor(outputScale, low + 120 + (seed % 17)) };
  const graph = nodeGraph(operator, attributes, [type, weights, hasBias ? bias : undefined], [y]);
  return { graph, random };
}
