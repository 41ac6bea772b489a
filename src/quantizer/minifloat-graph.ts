/**
 * A network in minifloats, at load: weights of convolutions and fully connected layers as codes with a
 * scale per output channel, and on request the values that they read as codes with one scale:
 *
 *     x float32 ──▶ EncodeMinifloat ──▶ codes ──▶ Conv2D (w codes, bias float32) ──▶ y float32
 *                                          └────▶ Conv2D …
 *
 * All else is computed in float32, which integer files are brought to first (`float-graph.ts`). The
 * scale of a value is that of what was observed, else that of the file's quantization.
 */
import { InputError, QuantizationError } from "../errors.ts";
import { findFormat, isMinifloat, type Minifloat } from "../formats/index.ts";
import { createNode, type Graph, type Node, type Value, type ValueId } from "../graph/index.ts";
import { depthwiseConv2D, encodeMinifloat, type Operator } from "../operators/index.ts";
import { f32, perChannel, perTensor } from "../quantization/index.ts";
import { packBits, type Tensor } from "../tensor/index.ts";
import { type FloatGraph, floatGraph } from "./float-graph.ts";
import { layersToEncode } from "./layers.ts";
import {
  activationScale,
  largestOf,
  rangeScale,
  rounderOf,
  type ScaleSearch,
  weightScale,
} from "./minifloat-scales.ts";

/** A row of docs/formats.md with a sign, or one of our own: "minifloat_e4m3b7". */
export type MinifloatName =
  | `float${4 | 6 | 8 | 16}${string}`
  | `hfp8_${string}`
  | `minifloat_${string}`
  | "bfloat16"
  | "fp9_e5m3"
  | "fp16_e6m9";

export interface AccumulateOptions {
  /** Format of the emulated accumulator. */
  readonly format: MinifloatName;
  /** Products of one chunk. */
  readonly chunk: number;
  /** Default: "nearest". */
  readonly rounding?: "nearest" | "stochastic" | undefined;
  /** Of stochastic rounding; default 0. Layers draw from streams of their own. */
  readonly seed?: number | undefined;
}

export interface MinifloatOptions {
  readonly weights: MinifloatName;
  /** Default: "float32". */
  readonly activations?: MinifloatName | "float32" | undefined;
  readonly accumulate?: AccumulateOptions | undefined;
  /** Scales that are powers of two: a bias of the exponent. Default: false. */
  readonly powerOfTwoScales?: boolean | undefined;
  /** Default: false. */
  readonly keepFirstLast?: boolean | undefined;
}

/** Values that a tensor held: a part of them, and the largest magnitude of all. */
export interface Observation {
  readonly values: Float32Array;
  readonly largest: number;
}

/** @throws InputError a name of no signed minifloat */
export function signedMinifloat(name: string, option: string): Minifloat {
  const format = findFormat(name);
  if (format !== undefined && isMinifloat(format) && format.signed) return format;
  throw new InputError(`${option}: expected a minifloat with a sign, got "${name}"`);
}

/** The values that layers read as codes: what a calibration observes. */
export function encodedValues({ graph }: FloatGraph, options: MinifloatOptions): ValueId[] {
  const layers = layersToEncode(graph, options.keepFirstLast ?? false);
  return [...new Set([...layers].map(({ inputs }) => inputs[0]!))];
}

/**
 * The graph in minifloats; types are to be inferred again.
 * @param source a graph whose types are inferred
 * @throws InputError options that do not fit each other, or activations without a range
 */
export function minifloatGraph(
  source: Graph | FloatGraph,
  options: MinifloatOptions,
  observed: ReadonlyMap<ValueId, Observation> = new Map(),
): Graph {
  const real = "ranges" in source ? source : floatGraph(source);
  return new Rewriter(real, options, observed).rewrite();
}

class Rewriter {
  readonly #real: FloatGraph;
  readonly #values: Value[];
  readonly #nodes: Node[] = [];
  readonly #options: MinifloatOptions;
  readonly #observed: ReadonlyMap<ValueId, Observation>;
  readonly #weights: ScaleSearch;
  readonly #activations: ScaleSearch | undefined;
  /** Codes of a value, by its id. */
  readonly #encoded = new Map<ValueId, ValueId>();

  constructor(
    real: FloatGraph,
    options: MinifloatOptions,
    observed: ReadonlyMap<ValueId, Observation>,
  ) {
    this.#real = real;
    this.#values = real.graph.values.slice();
    this.#options = options;
    this.#observed = observed;
    const { weights, activations = "float32", powerOfTwoScales: powerOfTwo = false } = options;
    const search = (name: string, option: string): ScaleSearch => {
      const format = signedMinifloat(name, option);
      return { format, round: rounderOf(format), powerOfTwo };
    };
    this.#weights = search(weights, "weights");
    this.#activations = activations === "float32" ? undefined : search(activations, "activations");
    if (options.accumulate !== undefined && this.#activations === undefined) {
      throw new InputError("accumulate: expected activations in a minifloat, got float32");
    }
  }

  rewrite(): Graph {
    const { graph } = this.#real;
    const layers = layersToEncode(graph, this.#options.keepFirstLast ?? false);
    for (const node of graph.nodes) {
      if (layers.has(node)) this.#rewriteLayer(node);
      else this.#nodes.push(node);
    }
    return { ...graph, values: this.#values, nodes: this.#nodes };
  }

  #rewriteLayer(node: Node): void {
    const isDepthwise = node.operator === (depthwiseConv2D as Operator<never>);
    const [x, w, ...more] = node.inputs as [ValueId, ValueId, ...ValueId[]];
    const { name, constant } = this.#values[w]!;
    const codes = encodeWeights(constant!, this.#weights, isDepthwise ? 3 : 0);
    const weights = this.#values.push({ name, type: codes.type, constant: codes }) - 1;
    const { accumulate } = this.#options;
    const attributes =
      accumulate === undefined || isDepthwise
        ? node.attributes
        : {
            ...(node.attributes as object),
            accumulate: {
              accumulator: accumulate.format,
              chunk: accumulate.chunk,
              rounding: accumulate.rounding ?? "nearest",
              draws: { seed: accumulate.seed ?? 0, layer: this.#nodes.length, step: 0, stream: 0 },
            },
          };
    const inputs = [this.#activations === undefined ? x : this.#encode(x), weights, ...more];
    this.#nodes.push({ ...node, attributes, inputs });
  }

  #encode(x: ValueId): ValueId {
    const known = this.#encoded.get(x);
    if (known !== undefined) return known;
    const { format } = this.#activations!;
    const { name, type } = this.#values[x]!;
    const quantization = perTensor(this.#scaleOf(x), 0);
    const label = `${name}/${format.name}`;
    const id = this.#values.push({
      name: label,
      type: { format, shape: type.shape, quantization },
    });
    this.#encoded.set(x, id - 1);
    this.#nodes.push(createNode(label, encodeMinifloat, { saturates: true }, [x], [id - 1]));
    return id - 1;
  }

  #scaleOf(x: ValueId): number {
    const observed = this.#observed.get(x);
    const search = this.#activations!;
    if (observed !== undefined) return activationScale(search, observed.values, observed.largest);
    const range = this.#real.ranges.get(x);
    if (range !== undefined) return rangeScale(search, range);
    throw new InputError(
      `activations: expected calibrate with some inputs of the network, since its file has no range of "${this.#values[x]!.name.slice(0, 80)}"; or activations "float32"`,
    );
  }
}

/** Codes of weights in float32, with one scale per channel of `axis`. */
export function encodeWeights(w: Tensor, search: ScaleSearch, axis: number): Tensor {
  const { format } = search;
  const { shape } = w.type;
  const channels = shape[axis]!;
  const values = w.data as Float32Array;
  const isLast = axis > 0;
  const depth = values.length / channels;
  const place = (c: number, k: number): number => (isLast ? k * channels + c : c * depth + k);
  const scales = new Float32Array(channels);
  const codes = new Uint16Array(values.length);
  const own = new Float32Array(depth);
  for (let c = 0; c < channels; c++) {
    for (let k = 0; k < depth; k++) own[k] = values[place(c, k)]!;
    if (!(largestOf(own) < Infinity) || own.some(Number.isNaN)) {
      throw new QuantizationError("expected finite weights, got infinity or NaN");
    }
    const scale = weightScale(search, own);
    scales[c] = scale;
    for (let k = 0; k < depth; k++) codes[place(c, k)] = format.encode(f32(own[k]! / scale), true);
  }
  return {
    type: { format, shape, quantization: perChannel(scales, new Int32Array(channels), axis) },
    data:
      format.bits > 8
        ? codes
        : format.bits === 8
          ? Uint8Array.from(codes)
          : packBits(format, codes),
  };
}
