/** bitlane itself: the built package, as a user gets it. */
import type * as Bitlane from "../../src/index.ts";
import type { Rival, Scheme } from "./rival.ts";

export const bitlane: Rival = create("bitlane");

/** The scheme that stands for the network as its file has it. */
const AS_IT_IS = "int8";
const WEIGHTS: readonly Scheme["weights"][] = ["int8", "int4", "int2", "ternary", "binary"];
const ACTIVATIONS: readonly Scheme["activations"][] = ["uint8", "uint4", "uint2", "uint1"];

/**
 * bitlane on a network re-quantized at load.
 * @param text `int4/uint8`: weights and activations; `int8`: bitlane on the file as it is
 * @throws RangeError for a scheme that it does not know
 */
export function bitlaneIn(text: string): Rival {
  if (text === AS_IT_IS) return bitlane;
  const [left, right, ...more] = text.split("/");
  const weights = WEIGHTS.find((name) => name === left);
  const activations = ACTIVATIONS.find((name) => name === right);
  if (weights === undefined || activations === undefined || more.length > 0) {
    const known = `${AS_IT_IS}, or one of ${WEIGHTS.join(", ")} and /${ACTIVATIONS.join(", /")}`;
    throw new RangeError(`scheme: expected ${known}, got "${text}"`);
  }
  return create(`bitlane ${text}`, { weights, activations });
}

function create(name: string, scheme?: Scheme): Rival {
  return {
    name,
    package: "bitlane",
    hosts: ["node", "chromium"],
    modules: {
      bitlane: { from: "../dist/index.js", bundle: true },
      // esbuild does not follow `new Worker(new URL(…))`: the worker is an entry of its own.
      worker: { from: "../dist/worker.js", bundle: true },
    },
    form: "tflite",
    arithmetic: "integer",
    ...(scheme && { scheme }),
    async open({ environment, model: bytes, input, threads }) {
      const { load } = (await environment.importModule("bitlane")) as typeof Bitlane;
      const model = await load(bytes, { threads, ...scheme });
      const feeds = { [model.inputs[0]!.name]: input.data };
      const output = model.outputs[0]!.name;
      return {
        note: model.diagnostics.join("; "),
        run: async () => (await model.run(feeds))[output] as Int8Array | Uint8Array | Float32Array,
      };
    },
  };
}
