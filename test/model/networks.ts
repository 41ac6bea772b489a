/** The golden networks with the input of their first case. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Model, TensorData } from "../../src/index.ts";
import { sharedPath } from "../shared.ts";

interface GoldenCase {
  readonly input: { readonly file: string };
}

export interface GoldenNetwork {
  /** Path below the models folder; its name in every table. */
  readonly model: string;
  readonly cases: readonly GoldenCase[];
}

/** All golden networks; none where the shared material is missing. */
export function goldenNetworks(): readonly GoldenNetwork[] {
  const index = sharedPath("golden", "models", "index.json");
  return index === undefined
    ? []
    : (JSON.parse(readFileSync(index, "utf8")) as readonly GoldenNetwork[]);
}

/** SHA-256 of the outputs for that input, by network and rule; `node scripts/hashes.ts` writes it. */
export function storedHashes(): Readonly<Record<string, Readonly<Record<string, string>>>> {
  const text = readFileSync(new URL("hashes.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { hashes: Record<string, Record<string, string>> }).hashes;
}

export function networkPath(network: GoldenNetwork | string): string {
  const name = typeof network === "string" ? network : network.model;
  return join(sharedPath("models")!, name);
}

/** File of the input of case 0. */
export function inputPath(network: GoldenNetwork): string {
  return join(sharedPath("golden", "models")!, network.cases[0]!.input.file);
}

/** Its bytes. */
export function firstInput(network: GoldenNetwork): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(inputPath(network)));
}

/** Those bytes as the array that the model's input asks for. */
export function asInput(model: Model, bytes: Uint8Array<ArrayBuffer>): TensorData {
  const { dtype } = model.inputs[0]!;
  const { buffer } = bytes.slice();
  if (dtype === "float32") return new Float32Array(buffer);
  return dtype === "int8" ? new Int8Array(buffer) : new Uint8Array(buffer);
}
