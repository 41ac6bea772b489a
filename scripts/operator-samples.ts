/**
 * A small node of every operator that a TFLite file can hold, for the support matrix of README.md:
 * what `infer` takes and what the plan puts on kernels is asked, not listed.
 */
import { findFormat, type Format } from "../src/formats/index.ts";
import type { Graph } from "../src/graph/index.ts";
import * as op from "../src/operators/index.ts";
import type { Operator } from "../src/operators/index.ts";
import { perChannel, perTensor } from "../src/quantization/index.ts";
import { allocateTensor, type Shape, type Tensor, type TensorType } from "../src/tensor/index.ts";
import { nodeGraph } from "../test/kernels/runner.ts";

interface Sample {
  readonly operator: Operator;
  /** For a first input of this format. @throws an error of bitlane for a format it does not take */
  graph(format: Format): Graph;
}

const format = (name: string): Format => findFormat(name)!;
const IMAGE = [1, 8, 8, 16];

/** A tensor type with the quantization that 8 bits need. */
function typed(of: Format, shape: Shape, scale = 0.05): TensorType {
  if (of.kind === "float" || of.bits > 8 || of.name === "bool") return { format: of, shape };
  const middle = of.kind === "unsigned" ? 2 ** (of.bits - 1) : 0;
  return { format: of, shape, quantization: perTensor(scale, middle) };
}

/** Outputs whose scale TFLite fixes. */
function fixed(of: Format, steps: number, zeroPoint: number): TensorType {
  if (of.kind === "float") return { format: of, shape: [] };
  return { format: of, shape: [], quantization: perTensor(1 / steps, zeroPoint) };
}

interface Shaped {
  /** Inputs of the same format; default: one image. */
  readonly shapes?: readonly Shape[];
  /** Inputs behind them. */
  readonly more?: readonly (TensorType | Tensor)[];
  readonly outputs?: number;
  readonly output?: (of: Format) => TensorType;
}

function sample<A>(
  operator: Operator<A>,
  attributes: NoInfer<A>,
  { shapes = [IMAGE], more = [], outputs = 1, output = (of) => typed(of, []) }: Shaped = {},
): Sample {
  return {
    operator: operator as Operator,
    graph: (of) =>
      nodeGraph(
        operator,
        attributes,
        [...shapes.map((shape) => typed(of, shape)), ...more],
        Array.from({ length: outputs }, () => output(of)),
      ),
  };
}

const window = { strides: [1, 1], padding: "same", activation: "none" } as const;
const pool = { ...window, filter: [3, 3] } as const;
const two = { shapes: [IMAGE, IMAGE] };
const none = { activation: "none" } as const;
const resize = { size: [16, 16], alignCorners: false, halfPixelCenters: true } as const;
const another = (of: Format) => typed(of, [], 0.07);
const lowest = (of: Format) => fixed(of, 256, of.min);
const indices = (shape: Shape): Tensor => allocateTensor({ format: format("int32"), shape });

const CASTS: Readonly<Record<string, string>> = {
  float32: "int32",
  int32: "int64",
  int64: "int32",
};

export const SAMPLES: readonly Sample[] = [
  sample(op.add, none, { ...two, output: another }),
  sample(op.sub, none, { ...two, output: another }),
  sample(op.mul, none, { ...two, output: another }),
  sample(op.div, none, { ...two, output: another }),
  sample(op.floorDiv, {}, two),
  sample(op.maximum, {}, two),
  sample(op.minimum, {}, two),
  sample(op.sqrt, {}),
  sample(op.averagePool2D, pool),
  sample(op.maxPool2D, pool),
  sample(op.mean, { axes: [1, 2], keepDims: false }, { output: another }),
  sample(op.sum, { axes: [1, 2], keepDims: false }, { output: another }),
  sample(op.concatenation, { axis: 3, activation: "none" }, two),
  sample(op.pad, {
    paddings: [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ],
  }),
  sample(op.reshape, { shape: [1, -1] }),
  sample(op.squeeze, { axes: [0] }),
  sample(op.expandDims, { axis: 0 }),
  sample(op.transpose, { permutation: [0, 3, 1, 2] }),
  sample(op.slice, { begin: [0, 1, 1, 0], size: [1, 4, 4, -1] }),
  sample(op.stridedSlice, {
    begin: [0, 0, 0, 0],
    end: [1, 8, 8, 16],
    strides: [1, 2, 2, 1],
    beginMask: 0,
    endMask: 0,
    ellipsisMask: 0,
    newAxisMask: 0,
    shrinkAxisMask: 0,
  }),
  sample(op.split, { axis: 3, parts: 2 }, { outputs: 2 }),
  sample(op.pack, { axis: 0 }, two),
  sample(op.unpack, { axis: 1, parts: 8 }, { outputs: 8 }),
  sample(op.gather, { axis: 1, batchDims: 0 }, { more: [indices([3])] }),
  sample(op.gatherNd, {}, { more: [indices([2, 2])] }),
  sample(op.resizeBilinear, resize),
  sample(op.resizeNearestNeighbor, resize),
  sample(op.softmax, { beta: 1 }, { shapes: [[4, 10]], output: lowest }),
  sample(op.logistic, {}, { output: lowest }),
  sample(op.tanh, {}, { output: (of) => fixed(of, 128, of.min + 128) }),
  sample(op.hardSwish, {}, { output: another }),
  sample(op.relu, {}, { output: another }),
  sample(op.relu6, {}, { output: another }),
  sample(op.reluN1To1, {}, { output: another }),
  sample(op.leakyRelu, { alpha: 0.1 }, { output: another }),
  sample(op.prelu, {}, { shapes: [IMAGE, [1, 1, 16]], output: another }),
  sample(op.elu, {}, { output: another }),
  sample(op.gelu, { approximate: false }, { output: another }),
  sample(
    op.quantize,
    {},
    { output: (of) => (of.kind === "float" ? typed(format("int8"), []) : another(of)) },
  ),
  sample(op.dequantize, {}, { output: () => typed(format("float32"), []) }),
  sample(op.cast, {}, { output: (of) => typed(format(CASTS[of.name] ?? "float32"), []) }),
  sample(op.argMax, { axis: 3 }, { output: () => typed(format("int32"), []) }),
  sample(op.spaceToDepth, { blockSize: 2 }),
  sample(op.depthToSpace, { blockSize: 2 }),
];

interface WeightedSample {
  readonly operator: Operator;
  graph(activations: Format, weights: Format): Graph;
}

function weighted<A>(
  operator: Operator<A>,
  attributes: NoInfer<A>,
  input: Shape,
  shape: Shape,
  channelAxis: number,
): WeightedSample {
  return {
    operator: operator as Operator,
    graph(activations, weights) {
      const channels = shape[channelAxis]!;
      const zeros = new Array<number>(channels).fill(0);
      const quantized =
        weights.kind === "signed"
          ? {
              quantization: perChannel(
                zeros.map(() => 0.01),
                zeros,
                channelAxis,
              ),
            }
          : {};
      const w = allocateTensor({ ...typed(weights, shape, 0.01), ...quantized });
      const narrow = activations.kind !== "float" && activations.bits < 8;
      const output = typed(narrow ? format("int8") : activations, []);
      return nodeGraph(operator, attributes, [typed(activations, input), w], [output]);
    },
  };
}

const convolution = { ...window, dilations: [1, 1] } as const;

/** Operators with weights. */
export const WEIGHTED_SAMPLES: readonly WeightedSample[] = [
  weighted(op.conv2D, convolution, IMAGE, [8, 3, 3, 16], 0),
  weighted(op.depthwiseConv2D, convolution, IMAGE, [1, 3, 3, 16], 3),
  weighted(op.fullyConnected, { activation: "none", keepDims: false }, [4, 32], [10, 32], 0),
  weighted(
    op.transposeConv,
    { ...window, strides: [2, 2], outputShape: [1, 16, 16, 8] },
    IMAGE,
    [8, 3, 3, 16],
    0,
  ),
];
