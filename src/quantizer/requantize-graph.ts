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
import { type Format, int2, ternary } from "../formats/index.ts";
import { ABSENT, type Graph, type Node, type ValueId } from "../graph/index.ts";
import { hasBlocks, weightChannels } from "../operators/index.ts";
import { elementCount, type Tensor, type TensorType } from "../tensor/index.ts";
import { GraphEdit } from "./graph-edit.ts";
import { LayerInputs } from "./layer-inputs.ts";
import { layersToRequantize } from "./layers.ts";
import { NarrowInputs } from "./narrow-inputs.ts";
import { roundingOf } from "./narrow.ts";
import type { Observations } from "./observation.ts";
import { integerBias, realBias } from "./requantize-bias.ts";
import {
  ACTIVATION_FORMATS,
  type RequantizeOptions,
  WEIGHT_FORMATS,
} from "./requantize-options.ts";
import {
  type BlockShape,
  gridBlocks,
  gridWeights,
  type GridWeights,
  packedWeights,
  realWeights,
} from "./requantize-weights.ts";

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
  const edit = new GraphEdit(graph);
  const inputs = new LayerInputs(graph, observed);
  const narrowInputs = new NarrowInputs(edit, narrow, observed);
  const rewriter = new Rewriter(edit, inputs, narrowInputs, format, options.groupSize);
  for (const node of graph.nodes) {
    if (!layers.has(node)) {
      edit.nodes.push(node);
      continue;
    }
    rewriter.requantize(node);
    yield;
  }
  return edit.result();
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
  readonly #edit: GraphEdit;
  readonly #inputs: LayerInputs;
  readonly #narrow: NarrowInputs;
  readonly #format: Format;
  readonly #groupSize: number | undefined;

  constructor(
    edit: GraphEdit,
    inputs: LayerInputs,
    narrow: NarrowInputs,
    format: Format,
    groupSize: number | undefined,
  ) {
    this.#edit = edit;
    this.#inputs = inputs;
    this.#narrow = narrow;
    this.#format = format;
    this.#groupSize = groupSize;
  }

  requantize(node: Node): void {
    const [x, w, bias = ABSENT] = node.inputs as [ValueId, ValueId, ValueId?];
    const type = this.#edit.values[x]!.type;
    if (isFloat(type)) this.#requantizeFloat(node, x, w, bias);
    else this.#requantizeInteger(node, x, w, bias);
  }

  /** Float activations: the weights alone change. Integer weights stay integers. */
  #requantizeFloat(node: Node, x: ValueId, w: ValueId, bias: ValueId): void {
    const weights = this.#edit.values[w]!.constant!;
    if (!this.#isNarrower(weights.type)) {
      this.#edit.nodes.push(node);
      return;
    }
    const { shape, format } = weights.type;
    const isFloat = format.kind === "float";
    const blocks = isFloat ? this.#blocksOf(weights.type) : undefined;
    const moments = this.#inputs.momentsOf(node);
    const inputs = this.#inputs.weightInputs(node, moments);
    const grid =
      blocks === undefined
        ? gridWeights(weights, shape[0]!, this.#format, inputs)
        : gridBlocks(weights, shape[0]!, this.#format, blocks, inputs);
    const replaced: Tensor = isFloat
      ? { type: { format, shape }, data: realWeights(grid) }
      : packedWeights(grid, this.#format, shape);
    const ids = [x, this.#edit.constant(w, replaced)];
    if (moments !== undefined) {
      const changes = this.#inputs.biasChanges(node, weights, realWeights(grid), moments);
      const old = this.#edit.values[bias]?.constant?.data as Float32Array | undefined;
      const changed = changes.map((change, c) => (old?.[c] ?? 0) + change);
      ids.push(this.#edit.bias(node, bias, realBias(this.#edit.values[bias]?.type, changed)));
    }
    this.#edit.addNode(node, ids);
  }

  #requantizeInteger(node: Node, x: ValueId, w: ValueId, bias: ValueId): void {
    const weights = this.#edit.values[w]!.constant!;
    const channels = weights.type.shape[0]!;
    const isNarrower = this.#isNarrower(weights.type);
    const from = this.#edit.values[x]!.type;
    const input = this.#narrow.of(x);
    const to = this.#edit.values[input]!.type;
    if (!isNarrower && input === x) {
      this.#edit.nodes.push(node);
      return;
    }
    const inputScale = to.quantization!.scale[0]!;
    const ratio = from.quantization!.scale[0]! / inputScale;
    const { scales: scalesBefore } = weightChannels(weights.type, channels);
    const biases = this.#edit.values[bias]?.constant?.data as Int32Array | undefined;
    /** In units of the input's scale. */
    const unitBias = (c: number): number => (biases?.[c] ?? 0) * ratio * scalesBefore[c]!;
    const blocks = isNarrower ? this.#blocksOf(weights.type) : undefined;
    const moments = hasBlocks(weights.type)
      ? undefined
      : this.#inputs.momentsOf(node, input === x ? undefined : roundingOf(to));
    const inputs = this.#inputs.weightInputs(node, moments);
    let grid: GridWeights | undefined;
    if (blocks !== undefined) {
      grid = gridBlocks(weights, channels, this.#format, blocks, inputs);
    } else if (isNarrower) {
      const leastScale = (c: number): number => Math.abs(unitBias(c)) / MAX_BIAS;
      grid = gridWeights(weights, channels, this.#format, inputs, leastScale);
    }
    const replaced = grid && packedWeights(grid, this.#format, weights.type.shape);
    const ids = [input, replaced === undefined ? w : this.#edit.constant(w, replaced)];
    if (biases !== undefined || moments !== undefined) {
      const rounded = grid && realWeights(grid);
      const changes = moments && this.#inputs.biasChanges(node, weights, rounded, moments);
      const changed = Float64Array.from(scalesBefore, (_, c) => {
        return unitBias(c) + (changes?.[c] ?? 0) / inputScale;
      });
      const { scales } = weightChannels((replaced ?? weights).type, channels);
      const old = this.#edit.values[bias]?.type;
      const constant =
        blocks === undefined
          ? integerBias(old, changed, scales, inputScale)
          : realBias(
              old,
              changed.map((value) => value * inputScale),
            );
      ids.push(this.#edit.bias(node, bias, constant));
    }
    const attributes = { ...(node.attributes as object), isRequantized: true };
    this.#edit.addNode({ ...node, attributes }, ids);
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
}
