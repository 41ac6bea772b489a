/**
 * Float32 activations beside integer weights: quantized when they are there, multiplied as float32
 * numbers that are integers, so that the sums are exact, and scaled.
 */
import { dynamicRules } from "../../kernels/index.ts";
import { type Activation, compactWeights, floatActivationRange } from "../../operators/index.ts";
import { float32 } from "../../formats/index.ts";
import { elementCount, type Tensor } from "../../tensor/index.ts";
import type { Pointer } from "../plan.ts";
import type { LowerContext } from "./context.ts";
import { floatWeights } from "./float-weights.ts";
import type { GemmWeights } from "./gemm-weights.ts";
import { splitRows } from "./tiles.ts";

/** Integers up to here, and sums of them, are float32 numbers. */
const EXACT = 2 ** 24;
/** Largest |q − z|. */
const LARGEST_CODE = 255;
/** Elements of one tile: some 10 µs. */
const TILE_ELEMENTS = 32_768;

export interface DynamicShape {
  /** Rows of the product, and its columns: output channels. */
  readonly m: number;
  readonly channels: number;
  readonly depth: number;
  /** Parts of the input with a scale each. */
  readonly parts: number;
  readonly activation: Activation;
}

/** The operands of the product in between. */
export interface DynamicProduct {
  readonly weights: GemmWeights;
  readonly x: Pointer;
  /** [m, channels] */
  readonly y: Pointer;
  /** Appends the step behind the product. */
  finish(): void;
}

/** Appends the quantization. Undefined, and nothing appended, where sums might leave float32's integers. */
export function dynamicProduct(
  context: LowerContext,
  w: Tensor,
  { m, channels, depth, parts, activation }: DynamicShape,
): DynamicProduct | undefined {
  const codes = compactWeights(w, new Int32Array(channels), depth);
  if (!hasExactSums(codes, channels, depth)) return undefined;
  const elements = elementCount(context.inputs[0]!.shape);
  const x = context.temporary("codes", elements * 4);
  const y = context.temporary("sums", m * channels * 4);
  const scales = context.temporary("scales", parts * 4);
  const size = elements / parts;
  const { tileRows: tileParts, tiles } = splitRows(parts, size, TILE_ELEMENTS);
  const isPerChannel = w.type.quantization!.scale.length > 1;
  const exact = isPerChannel ? dynamicRules.asymmetric : dynamicRules.symmetric;
  const rule = context.rounding === "fp32" ? dynamicRules.default : exact;
  const fields = { x: context.input(0), y: x, scales, parts, size, tileParts, rule };
  context.step({ kernel: "quantize_parts_f32", fields, tiles, note: `${parts} parts` });
  const numbers: Tensor = {
    type: { format: float32, shape: w.type.shape },
    get data() {
      return Float32Array.from(codes);
    },
  };
  return {
    weights: floatWeights(context, numbers, undefined, depth, "none"),
    x,
    y,
    finish: () => {
      const split = splitRows(m, channels, TILE_ELEMENTS);
      const { scale } = w.type.quantization!;
      const biases = context.constant(2)?.data as Float32Array | undefined;
      const perChannel = (label: string, value: (channel: number) => number) =>
        context.addConstant(label, channels * 4, (target) =>
          new Float32Array(target.buffer, target.byteOffset, channels).forEach((_, c, all) => {
            all[c] = value(c);
          }),
        );
      context.step({
        kernel: "scale_parts_f32",
        fields: {
          ...{ x: y, y: context.output(0), scales, m, channels, partRows: m / parts },
          multipliers: perChannel("scales", (c) => scale[isPerChannel ? c : 0]!),
          biases: perChannel("biases", (c) => biases?.[c] ?? 0),
          tileRows: split.tileRows,
          ...floatActivationRange(activation),
        },
        tiles: split.tiles,
      });
    },
  };
}

function hasExactSums(codes: Int8Array | Int16Array, channels: number, depth: number): boolean {
  for (let c = 0; c < channels; c++) {
    let sum = 0;
    for (let k = c * depth; k < (c + 1) * depth; k++) sum += Math.abs(codes[k]!);
    if (sum * LARGEST_CODE >= EXACT) return false;
  }
  return true;
}
