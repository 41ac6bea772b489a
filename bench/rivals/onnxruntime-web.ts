/** ONNX Runtime's WebAssembly build. Left alone it takes one thread on a machine of two cores. */
import { type Ort, openOrt } from "./onnxruntime.ts";
import type { Rival } from "./rival.ts";

export const onnxruntimeWeb: Rival = {
  name: "onnxruntime-web",
  package: "onnxruntime-web",
  hosts: ["node", "chromium"],
  modules: {
    "onnxruntime-web": { from: "onnxruntime-web/dist/ort.wasm.min.mjs", bundle: false },
  },
  form: "onnx",
  arithmetic: "integer",
  async open({ environment, model, input, threads }) {
    const ort = (await environment.importModule("onnxruntime-web")) as Ort;
    ort.env.wasm.numThreads = threads;
    return openOrt(ort, model, input, { executionProviders: ["wasm"] });
  },
};
