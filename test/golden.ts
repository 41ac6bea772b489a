/** Files of ../shared/golden: indices, typed elements, differences. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Graph, inferGraph } from "../src/graph/index.ts";
import { importModel } from "../src/importers/index.ts";
import type { Rounding } from "../src/quantization/index.ts";
import { tensorFromBytes, type TensorData, type TensorType } from "../src/tensor/index.ts";

/** Each rule and the TFLite path that it follows. */
export const RULES: readonly { rounding: Rounding; path: "reference" | "xnnpack" }[] = [
  { rounding: "tflite-reference", path: "reference" },
  { rounding: "fp32", path: "xnnpack" },
];

/** Output files by path; a path on which TFLite aborted has none. */
export interface GoldenOutput {
  readonly reference?: string;
  readonly xnnpack?: string;
}

export interface OpsForm {
  /** TFLite's names, each once. */
  readonly operators: readonly string[];
  readonly model: string;
  readonly inputs: readonly { readonly file: string }[];
  readonly outputs: readonly GoldenOutput[];
}

export interface OpsIndex {
  readonly cases: readonly {
    readonly name: string;
    readonly int8: OpsForm;
    readonly f32: OpsForm;
  }[];
}

export interface StoredTensor {
  readonly index: number;
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

export type ModelsIndex = readonly {
  readonly model: string;
  readonly cases: readonly {
    readonly input: { readonly file: string };
    readonly outputs: readonly GoldenOutput[];
    readonly activations?: { readonly file: string; readonly tensors: readonly StoredTensor[] };
  }[];
}[];

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

export function readGraph(path: string): Graph {
  return inferGraph(importModel(new Uint8Array(readFileSync(path))));
}

/** The elements of a file of raw values. */
export function readElements(type: TensorType, ...path: string[]): TensorData {
  return tensorFromBytes(type, new Uint8Array(readFileSync(join(...path)))).data;
}

export interface Difference {
  readonly count: number;
  readonly different: number;
  readonly largest: number;
  /** The largest difference over the largest expected magnitude. */
  readonly relative: number;
}

export function compare(actual: TensorData, expected: TensorData): Difference {
  let different = actual.length === expected.length ? 0 : Infinity;
  let largest = 0;
  let magnitude = 0;
  for (let i = 0; i < expected.length; i++) {
    const distance = Math.abs(Number(actual[i]) - Number(expected[i]));
    if (distance !== 0) different++;
    // A NaN on either side counts as infinitely far.
    largest = Math.max(largest, Number.isNaN(distance) ? Infinity : distance);
    magnitude = Math.max(magnitude, Math.abs(Number(expected[i])));
  }
  const relative = largest === 0 ? 0 : largest / magnitude;
  return { count: expected.length, different, largest, relative };
}
