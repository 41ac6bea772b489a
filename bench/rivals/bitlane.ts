/** bitlane itself: the built package, as a user gets it. */
import type * as Bitlane from "../../src/index.ts";
import type { Rival } from "./rival.ts";

export const bitlane: Rival = {
  name: "bitlane",
  package: "bitlane",
  hosts: ["node", "chromium"],
  modules: {
    bitlane: { from: "../dist/index.js", bundle: true },
    // esbuild does not follow `new Worker(new URL(…))`: the worker is an entry of its own.
    worker: { from: "../dist/worker.js", bundle: true },
  },
  form: "tflite",
  arithmetic: "integer",
  async open({ environment, model: bytes, input, threads }) {
    const { load } = (await environment.importModule("bitlane")) as typeof Bitlane;
    const model = await load(bytes, { threads });
    const feeds = { [model.inputs[0]!.name]: input.data };
    const output = model.outputs[0]!.name;
    return {
      note: model.diagnostics.join("; "),
      run: async () => (await model.run(feeds))[output] as Int8Array | Uint8Array | Float32Array,
    };
  },
};
