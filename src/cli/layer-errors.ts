/** How far the layers of a re-quantized network are from those of the network, on the same inputs. */
import { type Graph, inferGraph, type ValueId } from "../graph/index.ts";
import { loadGraph, type LoadOptions, type TypedArray } from "../model/index.ts";
import { weightedLayers } from "../quantizer/index.ts";
import type { TensorData } from "../tensor/index.ts";
import { isolateLayers } from "./isolated-layers.ts";

export interface LayerError {
  readonly name: string;
  /**
   * Signal-to-quantization-noise ratio of the layer's output, in dB: 10 · log10(Σ y² / Σ (y − y')²), y
   * in the network as it was. Infinity for equal outputs (JSON: null).
   */
  readonly sqnrDb: number;
  /** The same where the layer alone is re-quantized: its own part of the error. */
  readonly isolatedDb: number;
}

/** Outputs of layers, by input and layer. */
type Outputs = readonly (readonly TensorData[])[];

/** The outputs of all layers of one network: a model that gives them as its outputs. */
export class LayerProbe {
  readonly #network: Graph;
  readonly #options: LoadOptions;
  readonly #inputs: readonly TypedArray[];
  /** Value ids and names of the layers; re-quantization keeps both. */
  readonly #layers: readonly { readonly id: number; readonly name: string }[];
  #expected: Outputs | undefined;

  /** @param network before re-quantization: for minifloats, in real numbers */
  constructor(network: Graph, options: LoadOptions, inputs: readonly TypedArray[]) {
    this.#network = network;
    this.#options = options;
    this.#inputs = inputs;
    const layers = weightedLayers(network).map(({ name, outputs }) => ({ id: outputs[0]!, name }));
    this.#layers = layers;
  }

  /** @param graph the network after re-quantization */
  async measure(graph: Graph): Promise<LayerError[]> {
    const ids = this.#layers.map(({ id }) => id);
    const isSame = graph === this.#network;
    this.#expected ??= await this.#run(this.#network, ids);
    const alone = isolateLayers(this.#network, graph, ids);
    const got = isSame ? this.#expected : await this.#run(graph, ids);
    const isolated = isSame ? got : await this.#run(inferGraph(alone.graph), alone.outputs);
    return this.#layers.map(({ id, name }, layer) => ({
      name,
      sqnrDb: this.#ratio(got, layer, realValue(graph, id)),
      isolatedDb: this.#ratio(isolated, layer, realValue(graph, id)),
    }));
  }

  #ratio(got: Outputs, layer: number, otherReal: (element: number) => number): number {
    const real = realValue(this.#network, this.#layers[layer]!.id);
    let signal = 0;
    let noise = 0;
    this.#expected!.forEach((outputs, sample) => {
      const y = outputs[layer]!;
      const other = got[sample]![layer]!;
      for (let i = 0; i < y.length; i++) {
        const value = real(Number(y[i]));
        signal += value ** 2;
        noise += (value - otherReal(Number(other[i]))) ** 2;
      }
    });
    return noise === 0 ? Infinity : 10 * Math.log10(signal / noise);
  }

  async #run(graph: Graph, ids: readonly ValueId[]): Promise<Outputs> {
    const outputs = [...new Set(ids)];
    const probed = { ...graph, outputs, outputNames: outputs.map(String) };
    const model = await loadGraph(probed, this.#options);
    try {
      const all: TensorData[][] = [];
      for (const input of this.#inputs) {
        const results = await model.run(input);
        all.push(ids.map((id) => results[String(id)]!));
      }
      return all;
    } finally {
      await model.dispose();
    }
  }
}

/** What an element of a value stands for. */
function realValue({ values }: Graph, id: ValueId): (element: number) => number {
  const { quantization } = values[id]!.type;
  if (quantization === undefined) return (element) => element;
  const scale = quantization.scale[0]!;
  const zeroPoint = quantization.zeroPoint[0]!;
  return (element) => (element - zeroPoint) * scale;
}
