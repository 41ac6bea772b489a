/**
 * A network in minifloats, at load: weights of convolutions and fully connected layers as codes with a
 * scale per output channel, and on request the values that they read as codes with one scale:
 *
 *     x float32 ──▶ EncodeMinifloat ──▶ codes ──▶ Conv2D (w codes, bias float32) ──▶ y float32
 *                                          └────▶ Conv2D …
 *
 * All else is computed in float32, which integer files are brought to first (`float-graph.ts`), and so is
 * what the first layers read. The scale of a value is that of what was observed, else that of the
 * file's quantization. In block formats (OCP Microscaling) weights have a scale for each 32 of a sum, and
 * values are rounded to blocks of 32 channels with scales of their own:
 *
 *     x float32 ──▶ RoundBlocks ──▶ x' float32 ──▶ Conv2D (w codes and block scales) ──▶ y float32
 *
 * Where something was observed, biases make up for the rounding of the weights.
 */
import { InputError } from "../errors.ts";
import { findFormat, float32, isMinifloat, type Minifloat } from "../formats/index.ts";
import {
  ABSENT,
  createNode,
  type Graph,
  type Node,
  type Value,
  type ValueId,
} from "../graph/index.ts";
import {
  type AccumulateAttributes,
  encodeMinifloat,
  integerUnit,
  roundBlocks,
} from "../operators/index.ts";
import { blockFormats, type BlockFormatName, perTensor } from "../quantization/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { type AccumulateOptions, accumulatorShift, checkAccumulate } from "./accumulate.ts";
import { POSITIVE_INPUTS, SIGNED_INPUTS } from "./balanced-rounding.ts";
import { biasChanges } from "./bias-correction.ts";
import { type FloatGraph, floatGraph } from "./float-graph.ts";
import { InputMoments } from "./input-moments.ts";
import { firstLayers, layersToEncode } from "./layers.ts";
import { type MinifloatName, signedMinifloat } from "./minifloat-names.ts";
import {
  activationScale,
  rangeScale,
  type Rounder,
  rounderOf,
  type ScaleSearch,
} from "./minifloat-scales.ts";
import { encodeWeights } from "./minifloat-weights.ts";
import type { Observations } from "./observation.ts";
import { nonNegativeValues } from "./signs.ts";
import { type WeightLayout, weightLayout } from "./weight-layout.ts";

export interface MinifloatOptions {
  readonly weights: MinifloatName | BlockFormatName;
  /** Default: "float32". */
  readonly activations?: MinifloatName | BlockFormatName | "float32" | undefined;
  /**
   * What layers read that no layer precedes: the network's own inputs. An image has small differences
   * of large values, which a few bits of mantissa lose. Default: "float32"; between formats whose sums
   * are exact (FP6, FP4) "minifloat_e1m6", 8-bit integers; with `accumulate` "fp16_e6m9".
   */
  readonly inputs?: MinifloatName | BlockFormatName | "float32" | undefined;
  readonly accumulate?: AccumulateOptions | undefined;
  /** Scales that are powers of two: a bias of the exponent. Default: false. */
  readonly powerOfTwoScales?: boolean | undefined;
  /** Default: false. */
  readonly keepFirstLast?: boolean | undefined;
}

/**
 * The graph in minifloats; types are to be inferred again. Stops behind every layer.
 * @param source a graph whose types are inferred
 * @throws InputError options that do not fit each other, or activations without a range
 */
export function minifloatGraph(
  source: Graph | FloatGraph,
  options: MinifloatOptions,
  observed?: Observations,
): Generator<void, Graph> {
  const real = "ranges" in source ? source : floatGraph(source);
  return new Rewriter(real, options, observed).rewrite();
}

class Rewriter {
  readonly #real: FloatGraph;
  readonly #values: Value[];
  readonly #nodes: Node[] = [];
  readonly #options: MinifloatOptions;
  readonly #observed: Observations | undefined;
  readonly #weights: ScaleSearch;
  /** Of what layers read, and of what the first ones read; undefined: float32. */
  readonly #activations: ScaleSearch | undefined;
  readonly #inputs: ScaleSearch | undefined;
  readonly #positive: ReadonlySet<ValueId>;
  readonly #first: ReadonlySet<Node>;
  readonly #accumulator: Minifloat | undefined;
  /** Codes of a value, by its id. */
  readonly #encoded = new Map<ValueId, ValueId>();

  constructor(real: FloatGraph, options: MinifloatOptions, observed: Observations | undefined) {
    this.#real = real;
    this.#values = real.graph.values.slice();
    this.#options = options;
    this.#observed = observed;
    this.#positive = nonNegativeValues(real.graph);
    this.#first = firstLayers(real.graph);
    const { weights, activations = "float32", accumulate, powerOfTwoScales = false } = options;
    const { inputs = defaultInputs(options) } = options;
    const search = (name: string, option: string): ScaleSearch => {
      const block = blockFormats.get(name);
      const format = block?.element ?? signedMinifloat(name, option);
      return { format, round: rounderOf(format), powerOfTwo: powerOfTwoScales, block };
    };
    this.#weights = search(weights, "weights");
    this.#activations = activations === "float32" ? undefined : search(activations, "activations");
    this.#inputs = inputs === "float32" ? undefined : search(inputs, "inputs");
    if (accumulate === undefined) return;
    this.#accumulator = checkAccumulate(accumulate);
    for (const [name, format] of Object.entries({ weights, activations, inputs })) {
      if (format !== "float32" && !blockFormats.has(format)) continue;
      throw new InputError(`accumulate: expected ${name} in a minifloat, got ${format}`);
    }
  }

  *rewrite(): Generator<void, Graph> {
    const { graph } = this.#real;
    const layers = layersToEncode(graph, this.#options.keepFirstLast ?? false);
    for (const node of graph.nodes) {
      if (!layers.has(node)) {
        this.#nodes.push(node);
        continue;
      }
      this.#rewriteLayer(node);
      yield;
    }
    return { ...graph, values: this.#values, nodes: this.#nodes };
  }

  #rewriteLayer(node: Node): void {
    const [x, w, bias = ABSENT] = node.inputs as [ValueId, ValueId, ValueId?];
    const { name, type, constant } = this.#values[w]!;
    const layout = weightLayout(node, this.#values[x]!.type, type);
    const input = this.#encode(x, this.#first.has(node));
    const rows = this.#observed?.rows.get(node.outputs[0]!);
    const moments = rows && new InputMoments(rows, this.#rounderOf(input));
    const alike = this.#positive.has(x) ? POSITIVE_INPUTS : SIGNED_INPUTS;
    const { codes, values } = encodeWeights(constant!, layout, this.#weights, moments ?? alike);
    const weights = this.#values.push({ name, type: codes.type, constant: codes }) - 1;
    const inputs = [input, weights];
    if (moments !== undefined) {
      const changes = biasChanges(layout, constant!.data as Float32Array, values, moments);
      inputs.push(this.#changedBias(node, bias, changes));
    } else if (bias !== ABSENT) inputs.push(bias);
    const attributes = { ...(node.attributes as object), ...this.#accumulate(node, codes, layout) };
    this.#nodes.push({ ...node, attributes, inputs });
  }

  /** How a value is rounded that a layer reads; undefined: not at all, or in blocks. */
  #rounderOf(input: ValueId): Rounder | undefined {
    const { format, quantization } = this.#values[input]!.type;
    if (!isMinifloat(format) || format === float32) return undefined;
    const round = rounderOf(format);
    const scale = quantization!.scale[0]!;
    return (value) => round(value / scale) * scale;
  }

  #accumulate(
    node: Node,
    codes: Tensor,
    layout: WeightLayout,
  ): { readonly accumulate?: AccumulateAttributes } {
    const { accumulate } = this.#options;
    if (accumulate === undefined) return {};
    const { format, chunk, rounding = "nearest", seed = 0 } = accumulate;
    const draws = { seed, layer: this.#nodes.length, step: 0, stream: 0 };
    const x = (this.#first.has(node) ? this.#inputs : this.#activations)!.format;
    const shift = accumulatorShift(this.#accumulator!, x, codes, layout);
    return { accumulate: { accumulator: format, chunk, rounding, draws, shift } };
  }

  #changedBias({ name }: Node, bias: ValueId, changes: Float64Array): ValueId {
    const old = this.#values[bias]?.constant?.data as Float32Array | undefined;
    const type = { format: float32, shape: [changes.length] };
    const data = Float32Array.from(changes, (change, c) => (old?.[c] ?? 0) + change);
    const label = this.#values[bias]?.name ?? `${name}/bias`;
    return this.#values.push({ name: label, type, constant: { type, data } }) - 1;
  }

  #encode(x: ValueId, isFirst: boolean): ValueId {
    const search = isFirst ? this.#inputs : this.#activations;
    if (search === undefined) return x;
    const known = this.#encoded.get(x);
    if (known !== undefined) return known;
    const { format, block } = search;
    const { name, type } = this.#values[x]!;
    const label = `${name}/${block?.name ?? format.name}`;
    const id = this.#values.length;
    this.#encoded.set(x, id);
    if (block !== undefined) {
      this.#values.push({ name: label, type });
      this.#nodes.push(createNode(label, roundBlocks, { format: block.name }, [x], [id]));
      return id;
    }
    const quantization = perTensor(this.#scaleOf(x, search), 0);
    this.#values.push({ name: label, type: { format, shape: type.shape, quantization } });
    this.#nodes.push(createNode(label, encodeMinifloat, { saturates: true }, [x], [id]));
    return id;
  }

  #scaleOf(x: ValueId, search: ScaleSearch): number {
    const observed = this.#observed?.values.get(x);
    if (observed !== undefined) return activationScale(search, observed.values, observed.largest);
    const range = this.#real.ranges.get(x);
    if (range !== undefined) return rangeScale(search, range);
    throw new InputError(
      `activations: expected calibrate with some inputs of the network, since its file has no range of "${this.#values[x]!.name.slice(0, 80)}"; or activations "float32"`,
    );
  }
}

/** 16 bits where a minifloat is needed, 8-bit integers where sums are in integers anyway. */
function defaultInputs({ accumulate, weights, activations }: MinifloatOptions): string {
  if (accumulate !== undefined) return "fp16_e6m9";
  const isExact = [weights, activations].every((name) => {
    const format = name === undefined ? undefined : findFormat(name);
    return format !== undefined && integerUnit(format) !== undefined;
  });
  return isExact ? "minifloat_e1m6" : "float32";
}
