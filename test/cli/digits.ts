/** The network and the images that the repository holds, for tests of the commands. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PNG } from "pngjs";
import { load } from "../../src/index.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const MODEL = join(root, "models/digits_int8.tflite");
export const DIGITS = join(root, "examples/digits");
export const THREE = join(DIGITS, "3-bold.png");
export const ONE_THREAD = ["--threads", "1"];

/** The pixels of THREE, which are the codes of the input, and the output of a run on them. */
export async function runOnThree() {
  const { data } = PNG.sync.read(readFileSync(THREE));
  const pixels = Uint8Array.from({ length: 784 }, (_, i) => data[i * 4]!);
  const model = await load(MODEL, { threads: 1 });
  const expected = Object.values(await model.run(pixels))[0] as Uint8Array<ArrayBuffer>;
  await model.dispose();
  return { inputName: model.inputs[0]!.name, pixels, expected };
}
