/** What bitlane answers to one sample after the other. */
import { join } from "node:path";
import type { Sample } from "../../src/cli/datasets/dataset.ts";
import { sampleToInput } from "../../src/cli/datasets/top1.ts";
import { load, type LoadOptions, planModel, type TypedArray } from "../../src/index.ts";
import type { Network } from "./networks.ts";

export interface Answer {
  readonly sample: Sample;
  /** As it went in. */
  readonly input: TypedArray;
  /** The first output. */
  readonly output: TypedArray;
}

/** @param folder the models folder of ../shared */
export async function* answers(
  folder: string,
  network: Network,
  samples: readonly Sample[],
  options: LoadOptions,
): AsyncGenerator<Answer> {
  const model = await load(join(folder, network.model), options);
  try {
    const features = await featureType(folder, network);
    for (const sample of samples) {
      const input = sampleToInput(sample, model.inputs[0]!, network.floatPreset, features);
      const results = await model.run(input);
      yield { sample, input, output: results[model.outputs[0]!.name]! };
    }
  } finally {
    await model.dispose();
  }
}

/** Scale and zero point of the keyword features: those of the int8 network's input. */
async function featureType(folder: string, { dataset }: Network) {
  if (dataset !== "kws") return undefined;
  const { graph } = await planModel(join(folder, "mlperf-tiny/kws_int8.tflite"));
  const { scale, zeroPoint } = graph.values[graph.inputs[0]!]!.type.quantization!;
  return { scale: scale[0]!, zeroPoint: zeroPoint[0]! };
}
