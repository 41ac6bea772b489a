/**
 * Re-quantization at load: the weights of a network in fewer bits, and on request its activations,
 * without data and without training. Activations between layers keep their 8 bits; in front of a
 * re-quantized layer one Quantize per tensor makes uint4, uint2 or uint1 codes, which its consumers share:
 *
 *     x int8 ──▶ Quantize ──▶ uint4 ──▶ Conv2D (w int4) ──▶ y int8
 *                                  └──▶ Conv2D (w int4) ──▶ y int8
 *
 * The bias keeps its real values: b' = RNE(b · s_x · s_w / (s_x' · s_w')), or in float32 beside blocks.
 */
import { UnsupportedError } from "../errors.ts";
import {
  binary,
  float32,
  type Format,
  int2,
  int4,
  int8,
  roundHalfEven,
  ternary,
  uint1,
  uint2,
  uint4,
} from "../formats/index.ts";
import {
  ABSENT,
  createNode,
  type Graph,
  type Node,
  type Value,
  type ValueId,
} from "../graph/index.ts";
import { hasBlocks, quantize, weightChannels } from "../operators/index.ts";
import { f32, perChannel } from "../quantization/index.ts";
import { elementCount, type Tensor, type TensorType } from "../tensor/index.ts";
import { layersToRequantize } from "./layers.ts";
import { narrowType } from "./narrow.ts";
import { type InputCorrelation, POSITIVE_INPUTS, SIGNED_INPUTS } from "./balanced-rounding.ts";
import {
  type BlockShape,
  gridBlocks,
  gridWeights,
  packedWeights,
  realWeights,
} from "./requantize-weights.ts";
import { nonNegativeValues } from "./signs.ts";

export const WEIGHT_SCHEMES = ["int8", "int4", "int2", "ternary", "binary"] as const;
export const ACTIVATION_SCHEMES = ["uint8", "uint4", "uint2", "uint1"] as const;

export interface RequantizeOptions {
  /** Format of the weights. A layer that has no more bits than that keeps its own. Default: int8. */
  readonly weights?: (typeof WEIGHT_SCHEMES)[number] | undefined;
  /** Format of the activations that re-quantized layers read; uint8 (default): as they are. */
  readonly activations?: (typeof ACTIVATION_SCHEMES)[number] | undefined;
  /**
   * Weights below 8 bits get a scale for each block of so many input channels of a tap, a multiple of 4,
   * in place of one for each output channel. Layers whose input channels are no multiple of 4 do not.
   */
  readonly groupSize?: number | undefined;
  /** Leave the first and the last layers as they are. Default: true. */
  readonly keepFirstLast?: boolean | undefined;
}

const WEIGHT_FORMATS = { int8, int4, int2, ternary, binary };
const ACTIVATION_FORMATS = { uint8: undefined, uint4, uint2, uint1 };

/** Largest |bias code|: half of int32 is left to the products. */
const MAX_BIAS = 2 ** 30;

/**
 * The graph with its layers re-quantized; types are to be inferred again. A float32 network gets float32
 * weights on the grid of the format: its activations are computed in float32.
 * @param graph a graph whose types are inferred
 * @throws UnsupportedError low-bit activations of a float32 network, QuantizationError
 */
export function requantizeGraph(graph: Graph, options: RequantizeOptions): Graph {
  const format = WEIGHT_FORMATS[options.weights ?? "int8"];
  const narrow = ACTIVATION_FORMATS[options.activations ?? "uint8"];
  const layers = layersToRequantize(graph, options.keepFirstLast ?? true);
  if (narrow !== undefined) refuseFloats(graph, layers, narrow);
  const rewriter = new Rewriter(graph, format, narrow, options.groupSize);
  for (const node of graph.nodes) {
    if (layers.has(node)) rewriter.requantize(node);
    else rewriter.nodes.push(node);
  }
  return { ...graph, values: rewriter.values, nodes: rewriter.nodes };
}

function refuseFloats(graph: Graph, layers: ReadonlySet<Node>, { name }: Format): void {
  const floats = [...layers].filter(({ inputs }) => isFloat(graph.values[inputs[0]!]!.type));
  if (floats.length === 0) return;
  throw new UnsupportedError(
    `${name} activations of ${floats.length} layers that compute in float32 (first: "${floats[0]!.name.slice(0, 80)}"); expected int8 or uint8 activations, or weights alone`,
  );
}

function isFloat({ format }: TensorType): boolean {
  return format.kind === "float";
}

class Rewriter {
  readonly values: Value[];
  readonly nodes: Node[] = [];
  readonly #format: Format;
  readonly #narrow: Format | undefined;
  readonly #groupSize: number | undefined;
  readonly #positive: ReadonlySet<ValueId>;
  /** The low-bit form of a value, by its id. */
  readonly #narrowed = new Map<ValueId, ValueId>();
  /** How many nodes read a value: a constant of one reader is replaced where it stands. */
  readonly #readers: Int32Array;

  constructor(graph: Graph, format: Format, narrow: Format | undefined, groupSize?: number) {
    this.values = graph.values.slice();
    this.#groupSize = groupSize;
    this.#positive = nonNegativeValues(graph);
    this.#format = format;
    this.#narrow = narrow;
    this.#readers = new Int32Array(graph.values.length);
    for (const id of [...graph.outputs, ...graph.nodes.flatMap(({ inputs }) => inputs)]) {
      if (id !== ABSENT) this.#readers[id]!++;
    }
  }

  requantize(node: Node): void {
    const [x, w, bias = ABSENT] = node.inputs as [ValueId, ValueId, ValueId?];
    const type = this.values[x]!.type;
    if (isFloat(type)) this.#requantizeFloat(node, x, w);
    else this.#requantizeInteger(node, x, w, bias);
  }

  /** Float activations: the weights alone change. Integer weights stay integers. */
  #requantizeFloat(node: Node, x: ValueId, w: ValueId): void {
    const weights = this.values[w]!.constant!;
    if (!this.#isNarrower(weights.type)) {
      this.nodes.push(node);
      return;
    }
    const { shape, format } = weights.type;
    const isFloat = format.kind === "float";
    const blocks = isFloat ? this.#blocksOf(weights.type) : undefined;
    const grid =
      blocks === undefined
        ? gridWeights(weights, shape[0]!, this.#format, this.#correlationOf(x))
        : gridBlocks(weights, shape[0]!, this.#format, blocks, this.#correlationOf(x));
    const replaced: Tensor = isFloat
      ? { type: { format, shape }, data: realWeights(grid) }
      : packedWeights(grid, this.#format, shape);
    this.nodes.push(this.#withInputs(node, [node.inputs[0]!, this.#constant(w, replaced)]));
  }

  #requantizeInteger(node: Node, x: ValueId, w: ValueId, bias: ValueId): void {
    const weights = this.values[w]!.constant!;
    const channels = weights.type.shape[0]!;
    const isNarrower = this.#isNarrower(weights.type);
    const from = this.values[x]!.type;
    const input = this.#narrow === undefined ? x : this.#narrowInput(x, this.#narrow);
    const to = this.values[input]!.type;
    if (!isNarrower && input === x) {
      this.nodes.push(node);
      return;
    }
    const ratio = from.quantization!.scale[0]! / to.quantization!.scale[0]!;
    const { scales: old } = weightChannels(weights.type, channels);
    const biases = bias === ABSENT ? undefined : (this.values[bias]!.constant!.data as Int32Array);
    const { shape } = weights.type;
    const blocks = isNarrower ? this.#blocksOf(weights.type) : undefined;
    let replaced = weights;
    if (blocks !== undefined) {
      replaced = packedWeights(
        gridBlocks(weights, channels, this.#format, blocks, this.#correlationOf(x)),
        this.#format,
        shape,
      );
    } else if (isNarrower) {
      const leastScale = (c: number): number =>
        biases === undefined ? 0 : (Math.abs(biases[c]!) * old[c]! * ratio) / MAX_BIAS;
      const grid = gridWeights(weights, channels, this.#format, this.#correlationOf(x), leastScale);
      replaced = packedWeights(grid, this.#format, shape);
    }
    const inputs = [input, isNarrower ? this.#constant(w, replaced) : w];
    if (biases !== undefined && blocks !== undefined) {
      const real = Float32Array.from(
        biases,
        (code, c) => code * from.quantization!.scale[0]! * old[c]!,
      );
      const type = { format: float32, shape: this.values[bias]!.type.shape };
      inputs.push(this.#constant(bias, { type, data: real }));
    } else if (biases !== undefined) {
      const { scales } = weightChannels(replaced.type, channels);
      const codes = biases.map((code, c) => roundHalfEven((code * ratio * old[c]!) / scales[c]!));
      inputs.push(this.#constant(bias, this.#biasTensor(bias, codes, scales, to)));
    }
    const attributes = { ...(node.attributes as object), isRequantized: true };
    this.nodes.push(this.#withInputs({ ...node, attributes }, inputs));
  }

  /** How alike the inputs of a layer are that reads x. */
  #correlationOf(x: ValueId): InputCorrelation {
    return this.#positive.has(x) ? POSITIVE_INPUTS : SIGNED_INPUTS;
  }

  /** The blocks that weights get; undefined: a scale per channel. */
  #blocksOf({ shape }: TensorType): BlockShape | undefined {
    const size = this.#groupSize;
    const tap = shape.at(-1)!;
    const depth = elementCount(shape) / shape[0]!;
    if (size === undefined || this.#format.bits >= 8 || tap % 4 !== 0 || size >= depth) {
      return undefined;
    }
    return { tap, size: Math.min(size, tap) };
  }

  /** Fewer bits than the weights have, or 8 bits in place of unsigned ones. */
  #isNarrower(type: TensorType): boolean {
    const { format } = type;
    if (hasBlocks(type)) return false;
    if (format.bits !== this.#format.bits) return format.bits > this.#format.bits;
    return format.kind === "unsigned" || (format === int2 && this.#format === ternary);
  }

  #narrowInput(x: ValueId, format: Format): ValueId {
    const known = this.#narrowed.get(x);
    if (known !== undefined) return known;
    const { name, type } = this.values[x]!;
    if (type.format.bits < 8) return x;
    const id = this.values.push({
      name: `${name}/${format.name}`,
      type: narrowType(type, format),
    });
    this.#narrowed.set(x, id - 1);
    this.nodes.push(createNode(`${name}/${format.name}`, quantize, {}, [x], [id - 1]));
    return id - 1;
  }

  #biasTensor(bias: ValueId, codes: Int32Array, scales: Float32Array, x: TensorType): Tensor {
    const { format, shape } = this.values[bias]!.type;
    const inputScale = x.quantization!.scale[0]!;
    const quantization = perChannel(
      scales.map((scale) => f32(inputScale * scale)),
      new Int32Array(scales.length),
      shape.length - 1,
    );
    const hasChannels = shape.at(-1) === scales.length;
    return { type: { format, shape, ...(hasChannels ? { quantization } : {}) }, data: codes };
  }

  /** The constant in place of the old one, or beside it where other nodes read that. */
  #constant(id: ValueId, constant: Tensor): ValueId {
    const value: Value = { name: this.values[id]!.name, type: constant.type, constant };
    if (this.#readers[id]! > 1) return this.values.push(value) - 1;
    this.values[id] = value;
    return id;
  }

  #withInputs(node: Node, inputs: readonly ValueId[]): Node {
    return { ...node, inputs: [...inputs, ...node.inputs.slice(inputs.length)] };
  }
}
