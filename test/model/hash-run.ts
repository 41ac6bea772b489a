/** One run of a network, reduced to a hash; without Node's modules, so that every host can do it. */
import type { Model } from "bitlane";

/**
 * SHA-256, in hex, of all output bytes in the model's order.
 * @param input the bytes of the one input
 */
export async function hashRun(model: Model, input: Uint8Array): Promise<string> {
  const { dtype } = model.inputs[0]!;
  const { buffer } = input.slice();
  const results = await model.run(
    dtype === "float32"
      ? new Float32Array(buffer)
      : dtype === "int8"
        ? new Int8Array(buffer)
        : new Uint8Array(buffer),
  );
  const parts = model.outputs.map(({ name }) => {
    const { buffer: memory, byteOffset, byteLength } = results[name]!;
    return new Uint8Array(memory, byteOffset, byteLength);
  });
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
