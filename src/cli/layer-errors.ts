/** How far the layers of a re-quantized network are from those of the file, on the same inputs. */
import type { Graph } from "../graph/index.ts";
import { loadGraph, type LoadOptions, type Model, type TypedArray } from "../model/index.ts";
import { weightedLayers } from "../quantizer/index.ts";
import type { TensorData } from "../tensor/index.ts";

export interface LayerError {
  readonly name: string;
  /**
   * Signal-to-quantization-noise ratio of the layer's output, in dB: 10 · log10(Σ y² / Σ (y − y')²), y
   * in the file's network. Infinity for equal outputs (JSON: null).
   */
  readonly sqnrDb: number;
}

/** The outputs of all layers of one network: a model that gives them as its outputs. */
export class LayerProbe {
  readonly #graph: Graph;
  readonly #options: LoadOptions;
  readonly #inputs: readonly TypedArray[];
  /** Value ids and names of the layers; re-quantization keeps both. */
  readonly #layers: readonly { readonly id: number; readonly name: string }[];
  #expected: readonly (readonly TensorData[])[] | undefined;

  /** @param graph the network as the file has it */
  constructor(graph: Graph, options: LoadOptions, inputs: readonly TypedArray[]) {
    this.#graph = graph;
    this.#options = options;
    this.#inputs = inputs;
    const layers = weightedLayers(graph).map(({ name, outputs }) => ({ id: outputs[0]!, name }));
    this.#layers = layers;
  }

  /** @param graph the network after re-quantization */
  async measure(graph: Graph): Promise<LayerError[]> {
    this.#expected ??= await this.#run(this.#graph);
    const got = graph === this.#graph ? this.#expected : await this.#run(graph);
    return this.#layers.map(({ id, name }, layer) => {
      const real = realValue(this.#graph, id);
      const otherReal = realValue(graph, id);
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
      return { name, sqnrDb: noise === 0 ? Infinity : 10 * Math.log10(signal / noise) };
    });
  }

  /** Elements of every layer's output, by input and layer. */
  async #run(graph: Graph): Promise<TensorData[][]> {
    const outputs = [...new Set(this.#layers.map(({ id }) => id))];
    const probed = { ...graph, outputs, outputNames: outputs.map(String) };
    const model: Model = await loadGraph(probed, this.#options);
    try {
      const all: TensorData[][] = [];
      for (const input of this.#inputs) {
        const results = await model.run(input);
        all.push(this.#layers.map(({ id }) => results[String(id)]!));
      }
      return all;
    } finally {
      await model.dispose();
    }
  }
}

/** What an element of a value stands for. */
function realValue({ values }: Graph, id: number): (element: number) => number {
  const { quantization } = values[id]!.type;
  if (quantization === undefined) return (element) => element;
  const scale = quantization.scale[0]!;
  const zeroPoint = quantization.zeroPoint[0]!;
  return (element) => (element - zeroPoint) * scale;
}
