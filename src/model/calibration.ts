/** What the layers of a network read on some inputs: for scales, for the rounding of weights, and for biases. */
import { InputError, kindOf, throwIfAborted } from "../errors.ts";
import { type Graph, inferGraph, type Node, type ValueId } from "../graph/index.ts";
import {
  floatGraph,
  hasOwnBias,
  InputRows,
  layersToEncode,
  layersToRequantize,
  type Observation,
  type Observations,
} from "../quantizer/index.ts";
import { dequantize, type Feeds, type TensorInfo, type TypedArray } from "./feeds.ts";
import type { Model } from "./model.ts";
import type { LoadOptions } from "./options.ts";
import { minifloatOptions, requantizationSteps } from "./requantization.ts";

/** Values that are kept of one tensor and input: spread over it. */
const KEPT_VALUES = 4096;

/** Makes a model of a graph. */
type GraphLoader = (graph: Graph, options: LoadOptions) => Promise<Model>;

/**
 * The graph as the options ask for it, by what it computes on some samples.
 * @throws InputError no samples, samples that do not fit the inputs, or options; CancelledError
 */
export async function requantizeWithSamples(
  source: Graph,
  options: LoadOptions,
  samples: readonly Feeds[],
  loadGraph: GraphLoader,
): Promise<Graph> {
  if (!Array.isArray(samples) || samples.length === 0) {
    throw new InputError(
      `calibrate: expected an array of one sample or more, got ${Array.isArray(samples) ? "none" : kindOf(samples)}`,
    );
  }
  const { weights, activations, keepFirstLast } = options;
  const isReal = minifloatOptions(options) !== undefined;
  if (!isReal && weights === undefined && activations === undefined) {
    throw new InputError("calibrate: expected weights or activations beside it");
  }
  const written = isReal ? floatGraph(source) : undefined;
  const graph = written === undefined ? source : inferGraph(written.graph);
  const layers = isReal
    ? layersToEncode(graph, keepFirstLast ?? false)
    : layersToRequantize(graph, keepFirstLast ?? true);
  const stop = stopper(options, samples.length + layers.size);
  const observed = await observe(graph, layers, samples, options, loadGraph, stop);
  const steps = requantizationSteps(
    written === undefined ? graph : { graph, ranges: written.ranges },
    options,
    observed,
  );
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    await stop();
  }
}

/** What is called behind every step: it reports, lets other events happen, and ends where it is asked to. */
function stopper({ signal, onProgress }: LoadOptions, totalSteps: number): () => Promise<void> {
  let doneSteps = 0;
  return async () => {
    onProgress?.({ stage: "calibrate", doneSteps: ++doneSteps, totalSteps });
    await new Promise<void>((resolve) => {
      // A timer would wait for milliseconds, and for a second behind a hidden page.
      const { port1, port2 } = new MessageChannel();
      const settle = (): void => {
        port1.close();
        resolve();
      };
      port1.addEventListener("message", settle, { once: true });
      port1.start();
      port2.postMessage(0);
    });
    throwIfAborted(signal, "loading");
  };
}

/** Runs the network on every sample. */
async function observe(
  graph: Graph,
  layers: ReadonlySet<Node>,
  samples: readonly Feeds[],
  options: LoadOptions,
  loadGraph: GraphLoader,
  stop: () => Promise<void>,
): Promise<Observations> {
  const read = new Map<ValueId, InputRows[]>();
  const rows = new Map<ValueId, InputRows>();
  for (const node of layers) {
    const [x, w] = node.inputs as [ValueId, ValueId];
    const readers = read.get(x) ?? [];
    read.set(x, readers);
    if (!hasOwnBias(graph, node)) continue;
    const own = new InputRows(node, graph.values[x]!.type, graph.values[w]!.type);
    rows.set(node.outputs[0]!, own);
    readers.push(own);
  }
  const observers = new Map([...read.keys()].map((id) => [id, new Observer()]));
  const computed = [...read.keys()].filter((id) => !graph.inputs.includes(id));
  const outputs = computed.length > 0 ? computed : graph.outputs;
  // The stages of this model are none of those that the caller waits for.
  const { onProgress: _, ...quiet } = options;
  const model = await loadGraph(
    { ...graph, outputs, outputNames: outputs.map(String) },
    { ...quiet, rounding: "fp32", deterministic: true },
  );
  const infos = new Map(model.outputs.map((info) => [info.name, info]));
  try {
    for (const sample of samples) {
      const results = await model.run(sample);
      for (const [id, readers] of read) {
        const input = model.inputs[graph.inputs.indexOf(id)];
        const values =
          input === undefined
            ? realValues(infos.get(String(id))!, results[String(id)]!)
            : realValues(input, ArrayBuffer.isView(sample) ? sample : sample[input.name]!);
        observers.get(id)!.add(values);
        for (const reader of readers) reader.add(values);
      }
      await stop();
    }
  } finally {
    await model.dispose();
  }
  return {
    values: new Map([...observers].map(([id, observer]) => [id, observer.result()])),
    rows,
  };
}

/** Inputs may be given in real numbers where the network takes codes. */
function realValues(info: TensorInfo, data: TypedArray): Float32Array {
  return data instanceof Float32Array ? data : dequantize(info, data as Int8Array);
}

class Observer {
  readonly #kept: number[] = [];
  #largest = 0;

  add(values: Float32Array): void {
    for (let i = 0; i < values.length; i++) {
      const magnitude = Math.abs(values[i]!);
      if (magnitude < Infinity && magnitude > this.#largest) this.#largest = magnitude;
    }
    // An odd stride meets all channels.
    const stride = Math.ceil(values.length / KEPT_VALUES) | 1;
    for (let i = 0; i < values.length; i += stride) {
      if (Number.isFinite(values[i]!)) this.#kept.push(values[i]!);
    }
  }

  result(): Observation {
    return { values: Float32Array.from(this.#kept), largest: this.#largest };
  }
}
