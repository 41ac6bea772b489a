/** Products of weights below 8 bits, with activations of 8 bits or narrowed by a `Quantize` in front. */
import {
  bfloat16,
  binary,
  float32,
  type Format,
  int2,
  int32,
  int4,
  int8,
  ternary,
  uint1,
  uint2,
  uint4,
  uint8,
} from "../../src/formats/index.ts";
import { createNode, type Graph, inferGraph, type Value } from "../../src/graph/index.ts";
import { conv2D, fullyConnected, quantize } from "../../src/operators/index.ts";
import { perBlock, perChannel, perTensor } from "../../src/quantization/index.ts";
import { allocateTensor, elementCount, packBits, type TensorType } from "../../src/tensor/index.ts";
import { randomSource } from "./runner.ts";

export const weightFormats = { int8, int4, uint4, int2, uint2, ternary, binary } as const;
export type WeightName = keyof typeof weightFormats;

export const activationNames = [
  "int8",
  "uint8",
  "int8>uint4",
  "uint8>uint4",
  "int8>uint2",
  "uint8>uint1",
] as const;
export type ActivationName = (typeof activationNames)[number];

export interface LowBitProblem {
  readonly weights: WeightName;
  readonly activations: ActivationName;
  /** [rows, depth] for a matrix product, [n, h, w, c] for a convolution. */
  readonly x: readonly number[];
  /** [columns, depth] or OHWI. */
  readonly w: readonly number[];
  readonly strides?: readonly [number, number];
  readonly dilations?: readonly [number, number];
  readonly padding?: "same" | "valid";
  readonly isRequantized?: boolean;
  /** The weight code at index i; random if absent. */
  readonly code?: (index: number) => number;
  /** 256 · s_x / s_y of the Quantize. */
  readonly multiplier?: number;
  /** Real multiplier of the accumulator; default: results spread over their range. */
  readonly gain?: number;
  readonly seed?: number;
  /** Weights get a scale for each block of so many input channels, and the bias is float32. */
  readonly blockSize?: number;
  /** Scales of blocks are bfloat16, as those of src/quantizer; else any float32. */
  readonly hasShortScales?: boolean;
}

export function lowBitProblem({
  weights: name,
  activations,
  x,
  w,
  strides = [1, 1],
  dilations = [1, 1],
  padding = "same",
  isRequantized = true,
  code,
  multiplier = activations.endsWith("uint4") ? 40 : activations.endsWith("uint2") ? 12 : 5,
  gain,
  seed = 1,
  blockSize,
  hasShortScales = true,
}: LowBitProblem): Graph {
  const random = randomSource(seed);
  const format: Format = weightFormats[name];
  const channels = w[0]!;
  const depth = elementCount(w) / channels;
  const unsigned = format.kind === "unsigned";
  const pick =
    format === binary
      ? () => Math.floor(random() * 2)
      : () => format.min + Math.floor(random() * (format.max - format.min + 1));
  const codes = Int8Array.from({ length: elementCount(w) }, (_, i) => code?.(i) ?? pick());
  const zeroPoint = unsigned ? (format.max + 1) / 2 : 0;
  const scales = Array.from({ length: channels }, () => 0.01 * (0.5 + random()));
  const values: Value[] = [];
  const add = (value: Value): number => values.push(value) - 1;
  const [from, to] = activations.split(">") as [string, string | undefined];
  const input = from === "uint8" ? uint8 : int8;
  const xScale = 0.05;
  const xZero = to === undefined ? input.min + 100 : input.min + (seed % 3) * 20;
  const xType: TensorType = { format: input, shape: x, quantization: perTensor(xScale, xZero) };
  const ids = [add({ name: "x", type: xType })];
  const nodes = [];
  let scale = xScale;
  let spread = 74;
  if (to !== undefined) {
    const narrow = { uint4, uint2, uint1 }[to as "uint4" | "uint2" | "uint1"];
    scale = (xScale * 256) / multiplier;
    spread = narrow.max / 3;
    const quantization = perTensor(scale, seed % (narrow.max + 1));
    ids.push(add({ name: "narrow", type: { format: narrow, shape: x, quantization } }));
    nodes.push(createNode("narrow", quantize, {}, [0], [1]));
  }
  const blocks =
    blockSize === undefined
      ? undefined
      : Array.from(
          { length: (elementCount(w) / w.at(-1)!) * Math.ceil(w.at(-1)! / blockSize) },
          () => {
            const scale = Math.fround(0.01 * (0.5 + random()));
            return hasShortScales ? bfloat16.decode(bfloat16.encode(scale)) : scale;
          },
        );
  const perColumn =
    blocks !== undefined
      ? perBlock(blocks, w.length - 1, blockSize!)
      : perChannel(scales, new Int32Array(channels), 0);
  const constant = {
    type: {
      format,
      shape: w,
      quantization: unsigned ? perTensor(0.01, zeroPoint) : perColumn,
    },
    data: format.bits === 8 ? codes : packBits(format, codes),
  };
  const weightId = add({ name: "w", type: constant.type, constant });
  const deviation = spread * Math.max(format.max / 2, 1) * Math.sqrt(depth);
  const bias = allocateTensor({
    format: blocks === undefined ? int32 : float32,
    shape: [channels],
  });
  bias.data.forEach((_, i) => {
    const steps = Math.round((random() - 0.5) * deviation);
    bias.data[i] = blocks === undefined ? steps : steps * scale * 0.01;
  });
  const biasId = add({ name: "bias", type: bias.type, constant: bias });
  const outputScale = gain === undefined ? (scale * 0.01 * deviation) / 60 : (scale * 0.01) / gain;
  const y: TensorType = {
    format: input,
    shape: [],
    quantization: perTensor(outputScale, input.min + 120 + (seed % 17)),
  };
  const result = add({ name: "y", type: y });
  const operands = [ids.at(-1)!, weightId, biasId];
  if (w.length === 2) {
    const attributes = { activation: "none", keepDims: false, isRequantized } as const;
    nodes.push(createNode("product", fullyConnected, attributes, operands, [result]));
  } else {
    const attributes = { strides, dilations, padding, activation: "relu6", isRequantized } as const;
    nodes.push(createNode("product", conv2D, attributes, operands, [result]));
  }
  const graph = { name: "low", values, nodes, inputs: [0], outputs: [result], metadata: new Map() };
  return inferGraph(graph as Graph);
}
