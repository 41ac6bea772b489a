/** Inputs whose answer is known: labelled data, or the recorded cases of a network. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { InputError } from "../errors.ts";
import type { Results, TensorInfo, TypedArray } from "../model/index.ts";
import type { Rounding } from "../quantization/index.ts";
import { fileError } from "./command.ts";
import { readDataset } from "./datasets/dataset.ts";
import { isCorrect, largestIndex, sampleToInput } from "./datasets/top1.ts";
import { type GoldenTensor, readGolden } from "./golden.ts";
import type { Preset } from "./presets.ts";
import { codesFromBytes } from "./tensor-file.ts";

export interface Question {
  readonly input: TypedArray;
  isAnswered(results: Results): boolean;
}

/** What a network takes and gives; only its first output is asked. */
interface Ends {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

/** @throws InputError for a network with several inputs, and whatever reading the data throws */
export async function labelledQuestions(
  folder: string,
  { inputs, outputs }: Ends,
  preset: Preset,
  limit: number,
): Promise<Question[]> {
  const input = onlyInput(inputs);
  const output = outputs[0]!.name;
  const samples = await readDataset(folder, limit);
  return samples.map((sample) => ({
    input: sampleToInput(sample, input, preset),
    isAnswered: (results) => isCorrect(results[output]!, sample.label),
  }));
}

/**
 * The cases of a network in a golden index; the answer is the largest element of the recorded output.
 * @throws InputError where no index has the network
 */
export async function goldenQuestions(
  model: string,
  { inputs, outputs }: Ends,
  rounding: Rounding,
  limit: number,
): Promise<Question[]> {
  const input = onlyInput(inputs);
  const output = outputs[0]!;
  const index = findIndex(model);
  const cases = (await readGolden(index, rounding, undefined)).filter(
    (entry) => resolve(entry.model) === resolve(model) && entry.outputs.length > 0,
  );
  if (cases.length === 0) throw new InputError(`${index}: expected cases of ${model}, got none`);
  return Promise.all(
    cases.slice(0, limit).map(async (entry) => {
      const answer = largestIndex(await readCodes(entry.outputs[0]!, output));
      return {
        input: await readCodes(entry.inputs[0]!, input),
        isAnswered: (results: Results) => largestIndex(results[output.name]!) === answer,
      };
    }),
  );
}

function onlyInput(inputs: readonly TensorInfo[]): TensorInfo {
  if (inputs.length === 1) return inputs[0]!;
  throw new InputError(`expected a network with one input, got ${inputs.length} inputs`);
}

/** golden/models/index.json beside the folder that holds the network, or further up. */
function findIndex(model: string): string {
  for (let folder = dirname(resolve(model)); ; folder = dirname(folder)) {
    const index = join(folder, "golden/models/index.json");
    if (existsSync(index)) return index;
    if (folder === dirname(folder)) {
      throw new InputError(
        `${model}: expected golden/models/index.json in a folder above it, got none`,
      );
    }
  }
}

async function readCodes({ file }: GoldenTensor, info: TensorInfo): Promise<TypedArray> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw fileError(file, "a readable file", cause);
  }
  return codesFromBytes(info, bytes, file);
}
