/** What the kernel bench runs: one-node graphs by family, and the kernels that may be forced on them. */
import { float32, int32, int8, uint8 } from "../../src/formats/index.ts";
import type { Graph } from "../../src/graph/index.ts";
import {
  add,
  averagePool2D,
  concatenation,
  conv2D,
  depthwiseConv2D,
  dequantize,
  hardSwish,
  maximum,
  maxPool2D,
  mean,
  mul,
  pad,
  quantize,
  resizeBilinear,
  softmax,
  transpose,
} from "../../src/operators/index.ts";
import { perTensor } from "../../src/quantization/index.ts";
import type { Shape, TensorType } from "../../src/tensor/index.ts";
import { type OperandForm, randomProblem } from "../../test/kernels/gemm-problem.ts";
import { nodeGraph, randomData, randomSource } from "../../test/kernels/runner.ts";

export interface BenchCase {
  readonly family: Family;
  readonly name: string;
  readonly graph: Graph;
  /** Kernels of the table that are tried beside the plan's choice. */
  readonly rivals?: RegExp;
}

export const FAMILIES = ["matrix", "depthwise", "elementwise", "pool", "convert", "move"] as const;
export type Family = (typeof FAMILIES)[number];

/** Layers of MobileNetV1, MobileNetV2 and ResNet-50, first layers, a classifier, small tiles. */
const MATRIX_SHAPES = [
  ...["32x64x256", "12544x64x32", "3136x128x64", "3136x128x128", "784x256x256", "196x512x512"],
  ...["49x1024x1024", "12544x96x16", "3136x144x24", "3136x24x96", "196x64x384", "49x160x960"],
  ...["3136x256x64", "196x256x1024", "1x1000x1024", "1x128x640"],
  ...["224x224x3x32k3s2", "56x56x64x64k3s1", "28x28x128x128k3s1", "14x14x256x256k3s1"],
  ...["7x7x512x512k3s1", "32x32x16x16k3s1", "56x56x256x512k1s2"],
];

const BRIEF_SHAPES = ["784x256x256", "1x1000x1024", "224x224x3x32k3s2", "28x28x128x128k3s1"];

const FORMS: readonly OperandForm[] = ["int8", "uint8", "int8 wide", "uint8 wide", "float32"];
/** Kernels that multiply operands of a form: activations as they are, or read as bytes by the dot. */
const FORM_KERNELS: Readonly<Record<string, RegExp>> = {
  int8: /^(gemm|conv|igemm|winograd)_([ifx]8)_i8_/,
  uint8: /^(gemm|conv|igemm|winograd)_([ufx]8)_i8_/,
  "int8 wide": /^(gemm|conv|igemm)_i8_i16_/,
  "uint8 wide": /^(gemm|conv|igemm)_u8_i16_/,
  float32: /^(gemm|conv|igemm)_f32_f32_/,
};

/** @param shapes matrix products only, of these shapes; else every family */
export function* benchCases(
  families: readonly Family[],
  shapes: readonly string[] | undefined,
  brief: boolean,
): Generator<BenchCase> {
  if (families.includes("matrix")) {
    for (const name of shapes ?? (brief ? BRIEF_SHAPES : MATRIX_SHAPES)) {
      for (const form of brief ? FORMS.slice(0, 1) : FORMS) yield matrixCase(name, form);
    }
  }
  if (shapes !== undefined) return;
  for (const other of [...depthwiseCases(), ...pointwiseCases(), ...poolCases(), ...moveCases()]) {
    if (families.includes(other.family)) yield other;
  }
}

const plainWindow = { dilations: [1, 1], padding: "same", activation: "none" } as const;

function matrixCase(name: string, form: OperandForm): BenchCase {
  const matrix = /^(\d+)x(\d+)x(\d+)$/.exec(name);
  const window = /^(\d+)x(\d+)x(\d+)x(\d+)k(\d+)s(\d+)$/.exec(name);
  const numbers = (matrix ?? window)?.slice(1).map(Number);
  if (numbers === undefined) {
    throw new Error(`expected a shape MxNxK or HxWxCxNkKsS, got "${name}"`);
  }
  const [height, width, channels, filters, kernel, stride] = (
    matrix === null ? numbers : [1, numbers[0], numbers[2], numbers[1], 1, 1]
  ) as [number, number, number, number, number, number];
  const { graph } = randomProblem(
    conv2D,
    { ...plainWindow, strides: [stride, stride] },
    {
      form,
      x: [1, height, width, channels],
      w: [filters, kernel, kernel, channels],
      channels: filters,
      depth: kernel * kernel * channels,
    },
  );
  return { family: "matrix", name: `${name} ${form}`, graph, rivals: FORM_KERNELS[form]! };
}

function depthwiseCases(): BenchCase[] {
  const shapes = [
    [112, 32, 3, 1],
    [56, 96, 3, 2],
    [28, 192, 3, 1],
    [14, 384, 3, 1],
    [14, 480, 5, 1],
    [7, 960, 3, 1],
  ] as const;
  return shapes.flatMap(([side, channels, kernel, stride]) =>
    [codes([1, side, side, channels]), floats([1, side, side, channels])].map((x): BenchCase => {
      const random = randomSource(side * channels);
      const constant = (type: TensorType) => ({ type, data: randomData(type, random) });
      const isFloat = x.format === float32;
      const weights = { format: x.format, shape: [1, kernel, kernel, channels] };
      const biases = { format: isFloat ? float32 : int32, shape: [channels] };
      const w = isFloat ? weights : { ...weights, quantization: perTensor(0.004, 0) };
      const bias = constant(biases);
      // Random int32 would leave the range of every sum.
      if (!isFloat) bias.data.forEach((_, i) => (bias.data[i] = i * 37 - 500));
      const graph = nodeGraph(
        depthwiseConv2D,
        { ...plainWindow, strides: [stride, stride] },
        [x, constant(w), bias],
        [isFloat ? floats([]) : codes([], x.format, 0.1)],
      );
      const name = `${side}x${side}x${channels}k${kernel}s${stride} ${x.format.name}`;
      return { family: "depthwise", name, graph, rivals: /^depthwise_/ };
    }),
  );
}

const codes = (shape: Shape, format = int8, scale = 0.05): TensorType => ({
  format,
  shape,
  quantization: perTensor(scale, format === int8 ? 3 : 131),
});
const floats = (shape: Shape): TensorType => ({ format: float32, shape });
const MAP: Shape = [1, 56, 56, 64];

function pointwiseCases(): BenchCase[] {
  const binary = [
    ["add", add],
    ["mul", mul],
    ["maximum", maximum],
  ] as const;
  const elementwise = binary.flatMap(([name, operator]): BenchCase[] =>
    [codes(MAP), floats(MAP)].map((type) => ({
      family: "elementwise",
      name: `${name} 56x56x64 ${type.format.name}`,
      graph: nodeGraph(operator as typeof add, { activation: "none" }, [type, type], [type]),
    })),
  );
  const convert: [string, Graph][] = [
    ["hard swish (look-up) int8", nodeGraph(hardSwish, {}, [codes(MAP)], [codes(MAP)])],
    [
      "rescale (look-up) int8",
      nodeGraph(
        quantize,
        {},
        [codes(MAP)],
        [{ ...codes(MAP), quantization: perTensor(0.077, -2) }],
      ),
    ],
    ["quantize float32", nodeGraph(quantize, {}, [floats(MAP)], [codes(MAP)])],
    ["dequantize int8", nodeGraph(dequantize, {}, [codes(MAP)], [floats(MAP)])],
    [
      "softmax 1x1000 int8",
      nodeGraph(
        softmax,
        { beta: 1 },
        [codes([1, 1000])],
        [{ format: int8, shape: [1, 1000], quantization: perTensor(1 / 256, -128) }],
      ),
    ],
  ];
  return [
    ...elementwise,
    ...convert.map(([name, graph]): BenchCase => ({
      family: "convert",
      name,
      graph,
      rivals: /^lookup_8/,
    })),
  ];
}

function poolCases(): BenchCase[] {
  const window = {
    filter: [3, 3],
    strides: [2, 2],
    padding: "same",
    activation: "none",
  } as const;
  return [codes(MAP), codes(MAP, uint8), floats(MAP)].flatMap((type): BenchCase[] => {
    const format = type.format.name;
    const pixel = type.quantization === undefined ? floats([]) : codes([], type.format);
    const cases: [string, Graph][] = [
      ["max pool 3x3 s2", nodeGraph(maxPool2D, window, [type], [pixel])],
      ["average pool 3x3 s2", nodeGraph(averagePool2D, window, [type], [pixel])],
      ["mean 56x56x64", nodeGraph(mean, { axes: [1, 2], keepDims: true }, [type], [pixel])],
    ];
    return cases.map(([name, graph]) => ({ family: "pool", name: `${name} ${format}`, graph }));
  });
}

function moveCases(): BenchCase[] {
  const x = codes(MAP);
  const size = { size: [112, 112], alignCorners: false, halfPixelCenters: true } as const;
  const paddings = [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ] as const;
  const cases: [string, Graph][] = [
    [
      "concatenation 56x56x64 twice",
      nodeGraph(concatenation, { axis: 3, activation: "none" }, [x, x], [x]),
    ],
    ["transpose 56x56x64", nodeGraph(transpose, { permutation: [0, 3, 1, 2] }, [x], [x])],
    ["pad 56x56x64", nodeGraph(pad, { paddings }, [x], [x])],
    ["resize bilinear to 112x112x64", nodeGraph(resizeBilinear, size, [x], [x])],
  ];
  return cases.map(([name, graph]) => ({ family: "move", name, graph }));
}
