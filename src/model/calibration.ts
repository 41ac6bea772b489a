/** What the values of a network are on some inputs: for the scales of its activations, and for its biases. */
import { InputError, kindOf } from "../errors.ts";
import { type Graph, inferGraph, type ValueId } from "../graph/index.ts";
import {
  observedValues,
  floatGraph,
  type FloatGraph,
  type MinifloatOptions,
  type Observation,
} from "../quantizer/index.ts";
import type { Feeds, TypedArray } from "./feeds.ts";
import type { Model } from "./model.ts";

/** Values that are kept of one tensor and input: spread over it. */
const KEPT_VALUES = 4096;

export interface Calibration {
  readonly graph: FloatGraph;
  readonly observed: ReadonlyMap<ValueId, Observation>;
}

/**
 * Runs the network in float32 on every sample.
 * @param loadGraph makes a model of a graph
 * @throws InputError no samples, or samples that do not fit the inputs
 */
export async function calibrate(
  source: Graph,
  options: MinifloatOptions,
  samples: readonly (TypedArray | Feeds)[],
  loadGraph: (graph: Graph) => Promise<Model>,
): Promise<Calibration> {
  if (!Array.isArray(samples) || samples.length === 0) {
    throw new InputError(
      `calibrate: expected an array of one sample or more, got ${Array.isArray(samples) ? "none" : kindOf(samples)}`,
    );
  }
  const { graph: written, ranges } = floatGraph(source);
  const graph: FloatGraph = { graph: inferGraph(written), ranges };
  const ids = observedValues(graph, options);
  const inputs = ids.filter((id) => graph.graph.inputs.includes(id));
  const computed = ids.filter((id) => !inputs.includes(id));
  const observers = new Map(ids.map((id) => [id, new Observer()]));
  const outputs = computed.length > 0 ? computed : graph.graph.outputs;
  const model = await loadGraph({ ...graph.graph, outputs, outputNames: outputs.map(String) });
  try {
    for (const sample of samples) {
      const results = await model.run(sample as Feeds);
      for (const id of computed) observers.get(id)!.add(results[String(id)] as Float32Array);
      for (const id of inputs) {
        const name = model.inputs[graph.graph.inputs.indexOf(id)]!.name;
        const given = ArrayBuffer.isView(sample)
          ? sample
          : (sample as Record<string, unknown>)[name];
        observers.get(id)!.add(given as Float32Array);
      }
    }
  } finally {
    await model.dispose();
  }
  return {
    graph,
    observed: new Map([...observers].map(([id, observer]) => [id, observer.result()])),
  };
}

class Observer {
  readonly #kept: number[] = [];
  #largest = 0;
  #sums = new Float64Array(0);
  #samples = 0;

  add(values: Float32Array): void {
    if (this.#samples++ === 0) this.#sums = new Float64Array(values.length);
    for (let i = 0; i < values.length; i++) {
      const magnitude = Math.abs(values[i]!);
      if (!(magnitude < Infinity)) continue;
      if (magnitude > this.#largest) this.#largest = magnitude;
      this.#sums[i]! += values[i]!;
    }
    // An odd stride meets all channels.
    const stride = Math.ceil(values.length / KEPT_VALUES) | 1;
    for (let i = 0; i < values.length; i += stride) {
      if (Number.isFinite(values[i]!)) this.#kept.push(values[i]!);
    }
  }

  result(): Observation {
    return {
      values: Float32Array.from(this.#kept),
      largest: this.#largest,
      mean: this.#sums.map((sum) => sum / this.#samples),
    };
  }
}
