/** Golden indexes: recorded inputs and outputs, in two forms, read into one list of cases. */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { FormatError } from "../errors.ts";
import type { Rounding } from "../quantization/index.ts";
import { fileError } from "./command.ts";

/** A tensor in a file of raw codes. */
export interface GoldenTensor {
  /** Absent in indexes of models, whose tensors are in model order. */
  readonly name?: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly file: string;
}

export interface GoldenCase {
  /** `<case>.<variant>` of an index of operators, `<model>#<number>` of an index of models. */
  readonly name: string;
  readonly model: string;
  readonly inputs: readonly GoldenTensor[];
  /** Empty where the index has no output under the rule. */
  readonly outputs: readonly GoldenTensor[];
}

interface TensorEntry {
  readonly name?: string;
  readonly shape: readonly number[];
  readonly dtype: string;
}
type InputEntry = TensorEntry & { readonly file: string };
type OutputEntry = TensorEntry & { readonly xnnpack?: string; readonly reference?: string };

/** One operator per case, with a model per variant (int8, f32). */
interface OperatorsIndex {
  readonly cases: readonly (Readonly<Record<string, VariantEntry | string>> & {
    readonly name: string;
  })[];
}
interface VariantEntry {
  readonly model: string;
  readonly inputs: readonly InputEntry[];
  readonly outputs: readonly OutputEntry[];
}

/** Whole networks, several cases each. */
type ModelsIndex = readonly {
  readonly model: string;
  readonly cases: readonly {
    readonly input: InputEntry;
    readonly outputs: readonly OutputEntry[];
  }[];
}[];

/** Which engine of TFLite follows which rule. */
const RECORDED = { fp32: "xnnpack", "tflite-reference": "reference" } as const;

/**
 * @param models folder of the models; default: the index's own folder for an index of operators,
 *   `../../models` from there for an index of models
 * @throws FormatError, InputError
 */
export async function readGolden(
  indexFile: string,
  rounding: Rounding,
  models: string | undefined,
): Promise<GoldenCase[]> {
  const folder = dirname(indexFile);
  const index = await readJson(indexFile);
  try {
    return Array.isArray(index)
      ? modelCases(index as ModelsIndex, folder, models ?? join(folder, "../../models"), rounding)
      : operatorCases(index as OperatorsIndex, folder, models ?? folder, rounding);
  } catch (cause) {
    throw new FormatError(`${indexFile}: expected a golden index of operators or models`, {
      cause,
    });
  }
}

function operatorCases(
  { cases }: OperatorsIndex,
  folder: string,
  models: string,
  rounding: Rounding,
): GoldenCase[] {
  return cases.flatMap(({ name, ...variants }) =>
    Object.entries(variants as Record<string, VariantEntry>).map(([variant, entry]) => ({
      name: `${name}.${variant}`,
      model: join(models, entry.model),
      inputs: entry.inputs.map((input) => ({ ...input, file: join(folder, input.file) })),
      outputs: recordedOutputs(entry.outputs, folder, rounding),
    })),
  );
}

function modelCases(
  index: ModelsIndex,
  folder: string,
  models: string,
  rounding: Rounding,
): GoldenCase[] {
  return index.flatMap(({ model, cases }) =>
    cases.map(({ input, outputs }, i) => ({
      name: `${model}#${i}`,
      model: join(models, model),
      inputs: [{ ...input, file: join(folder, input.file) }],
      outputs: recordedOutputs(outputs, folder, rounding),
    })),
  );
}

function recordedOutputs(
  outputs: readonly OutputEntry[],
  folder: string,
  rounding: Rounding,
): GoldenTensor[] {
  const files = outputs.map((output) => output[RECORDED[rounding]]);
  if (files.includes(undefined)) return [];
  return outputs.map(({ name, shape, dtype }, i) => ({
    ...(name === undefined ? {} : { name }),
    shape,
    dtype,
    file: join(folder, files[i]!),
  }));
}

async function readJson(file: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    throw fileError(file, "a readable file", cause);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new FormatError(`${file}: expected JSON, got ${(cause as Error).message}`, { cause });
  }
}
