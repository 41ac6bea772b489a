import { createHash } from "node:crypto";
import type { Model, Results } from "../../src/index.ts";

/** SHA-256 of all output bytes in the model's order. */
export function hashResults(model: Pick<Model, "outputs">, results: Results): string {
  const hash = createHash("sha256");
  for (const { name } of model.outputs) {
    const { buffer, byteOffset, byteLength } = results[name]!;
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest("hex");
}
