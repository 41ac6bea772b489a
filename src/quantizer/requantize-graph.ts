/**
 * Re-quantization at load: the weights of a network in fewer bits, and on request its activations,
 * without training. Activations between layers keep their 8 bits; in front of a
 * re-quantized layer one Quantize per tensor makes uint4, uint2 or uint1 codes, which its consumers share:
 *
 *     x int8 ──▶ Quantize ──▶ uint4 ──▶ Conv2D (w int4) ──▶ y int8
 *                                  └──▶ Conv2D (w int4) ──▶ y int8
 *
 * The bias keeps its real values: b' = RNE(b · s_x · s_w / (s_x' · s_w')), or in float32 beside blocks.
 * Where samples were observed, weights are rounded by what they read, and biases make up for the mean of what is left.
 */
import { UnsupportedError } from "../errors.ts";
import {
  binary,
  type Format,
  int2,
  int4,
  int8,
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
import { elementCount, type Tensor, type TensorType } from "../tensor/index.ts";
import { layersToRequantize } from "./layers.ts";
import { narrowType, roundingOf } from "./narrow.ts";
import { POSITIVE_INPUTS, SIGNED_INPUTS } from "./balanced-rounding.ts";
import { biasChanges } from "./bias-correction.ts";
import { InputMoments } from "./input-moments.ts";
import type { Observations } from "./observation.ts";
import { integerBias, realBias } from "./requantize-bias.ts";
import { dequantizedWeights } from "./real-weights.ts";
import {
  type BlockShape,
  gridBlocks,
  gridWeights,
  type GridWeights,
  packedWeights,
  realWeights,
  type WeightInputs,
} from "./requantize-weights.ts";
import { nonNegativeValues } from "./signs.ts";
import { type WeightLayout, weightLayout } from "./weight-layout.ts";

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
 * weights on the grid of the format: its activations are computed in float32. Stops behind every layer.
 * @param graph a graph whose types are inferred
 * @throws UnsupportedError low-bit activations of a float32 network, QuantizationError
 */
export function* requantizeGraph(
  graph: Graph,
  options: RequantizeOptions,
  observed?: Observations,
): Generator<void, Graph> {
  const format = WEIGHT_FORMATS[options.weights ?? "int8"];
  const narrow = ACTIVATION_FORMATS[options.activations ?? "uint8"];
  const layers = layersToRequantize(graph, options.keepFirstLast ?? true);
  if (narrow !== undefined) refuseFloats(graph, layers, narrow);
  const rewriter = new Rewriter(graph, format, narrow, options.groupSize, observed);
  for (const node of graph.nodes) {
    if (!layers.has(node)) {
      rewriter.nodes.push(node);
      continue;
    }
    rewriter.requantize(node);
    yield;
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
  readonly #observed: Observations | undefined;
  /** The low-bit form of a value, by its id. */
  readonly #narrowed = new Map<ValueId, ValueId>();
  /** How many nodes read a value: a constant of one reader is replaced where it stands. */
  readonly #readers: Int32Array;

  constructor(
    graph: Graph,
    format: Format,
    narrow: Format | undefined,
    groupSize: number | undefined,
    observed: Observations | undefined,
  ) {
    this.#observed = observed;
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
    if (isFloat(type)) this.#requantizeFloat(node, x, w, bias);
    else this.#requantizeInteger(node, x, w, bias);
  }

  /** Float activations: the weights alone change. Integer weights stay integers. */
  #requantizeFloat(node: Node, x: ValueId, w: ValueId, bias: ValueId): void {
    const weights = this.values[w]!.constant!;
    if (!this.#isNarrower(weights.type)) {
      this.nodes.push(node);
      return;
    }
    const { shape, format } = weights.type;
    const isFloat = format.kind === "float";
    const blocks = isFloat ? this.#blocksOf(weights.type) : undefined;
    const moments = this.#momentsOf(node);
    const inputs = this.#weightInputs(node, moments);
    const grid =
      blocks === undefined
        ? gridWeights(weights, shape[0]!, this.#format, inputs)
        : gridBlocks(weights, shape[0]!, this.#format, blocks, inputs);
    const replaced: Tensor = isFloat
      ? { type: { format, shape }, data: realWeights(grid) }
      : packedWeights(grid, this.#format, shape);
    const ids = [x, this.#constant(w, replaced)];
    if (moments !== undefined) {
      const changes = this.#biasChanges(node, weights, realWeights(grid), moments);
      const old = this.values[bias]?.constant?.data as Float32Array | undefined;
      const changed = changes.map((change, c) => (old?.[c] ?? 0) + change);
      ids.push(this.#bias(node, bias, realBias(this.values[bias]?.type, changed)));
    }
    this.nodes.push(this.#withInputs(node, ids));
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
    const inputScale = to.quantization!.scale[0]!;
    const ratio = from.quantization!.scale[0]! / inputScale;
    const { scales: scalesBefore } = weightChannels(weights.type, channels);
    const biases = this.values[bias]?.constant?.data as Int32Array | undefined;
    /** In units of the input's scale. */
    const unitBias = (c: number): number => (biases?.[c] ?? 0) * ratio * scalesBefore[c]!;
    const blocks = isNarrower ? this.#blocksOf(weights.type) : undefined;
    const moments = hasBlocks(weights.type)
      ? undefined
      : this.#momentsOf(node, input === x ? undefined : roundingOf(to));
    const inputs = this.#weightInputs(node, moments);
    let grid: GridWeights | undefined;
    if (blocks !== undefined) {
      grid = gridBlocks(weights, channels, this.#format, blocks, inputs);
    } else if (isNarrower) {
      const leastScale = (c: number): number => Math.abs(unitBias(c)) / MAX_BIAS;
      grid = gridWeights(weights, channels, this.#format, inputs, leastScale);
    }
    const replaced = grid && packedWeights(grid, this.#format, weights.type.shape);
    const ids = [input, replaced === undefined ? w : this.#constant(w, replaced)];
    if (biases !== undefined || moments !== undefined) {
      const rounded = grid && realWeights(grid);
      const changes = moments && this.#biasChanges(node, weights, rounded, moments);
      const changed = Float64Array.from(scalesBefore, (_, c) => {
        return unitBias(c) + (changes?.[c] ?? 0) / inputScale;
      });
      const { scales } = weightChannels((replaced ?? weights).type, channels);
      const old = this.values[bias]?.type;
      const constant =
        blocks === undefined
          ? integerBias(old, changed, scales, inputScale)
          : realBias(
              old,
              changed.map((value) => value * inputScale),
            );
      ids.push(this.#bias(node, bias, constant));
    }
    const attributes = { ...(node.attributes as object), isRequantized: true };
    this.nodes.push(this.#withInputs({ ...node, attributes }, ids));
  }

  /** @param round how what the layer reads is rounded */
  #momentsOf(node: Node, round?: (value: number) => number): InputMoments | undefined {
    const rows = this.#observed?.rows.get(node.outputs[0]!);
    return rows && new InputMoments(rows, round);
  }

  #weightInputs(node: Node, moments: InputMoments | undefined): WeightInputs {
    if (moments !== undefined) return { moments, groupOf: this.#layoutOf(node).groupOf };
    return this.#positive.has(node.inputs[0]!) ? POSITIVE_INPUTS : SIGNED_INPUTS;
  }

  #layoutOf(node: Node): WeightLayout {
    const [x, w] = node.inputs as [ValueId, ValueId];
    return weightLayout(node, this.values[x]!.type, this.values[w]!.type);
  }

  #biasChanges(
    node: Node,
    weights: Tensor,
    rounded: Float32Array | undefined,
    moments: InputMoments,
  ): Float64Array {
    const layout = this.#layoutOf(node);
    const before = dequantizedWeights(weights, layout.channels, layout.depth);
    return biasChanges(layout, before, rounded ?? before, moments);
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
      type: narrowType(type, format, this.#observed?.values.get(x)?.values),
    });
    this.#narrowed.set(x, id - 1);
    this.nodes.push(createNode(`${name}/${format.name}`, quantize, {}, [x], [id - 1]));
    return id - 1;
  }

  /** In place of the old one, or of none. */
  #bias({ name }: Node, bias: ValueId, constant: Tensor): ValueId {
    if (bias !== ABSENT) return this.#constant(bias, constant);
    return this.values.push({ name: `${name}/bias`, type: constant.type, constant }) - 1;
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
