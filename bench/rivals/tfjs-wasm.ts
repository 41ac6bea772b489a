/**
 * TensorFlow.js on its WebAssembly backend. It computes in float32 only: an integer network runs as the
 * float network that its codes stand for, so it is the speed of another arithmetic on the same layers.
 */
import { buildNetwork, type TensorFlow, type TfTensor } from "./tfjs-graph.ts";
import type { Rival } from "./rival.ts";

interface WasmBackend {
  setThreadsCount(count: number): void;
  setWasmPaths(folder: string): void;
  getThreadsCount(): number;
}

export const tfjsWasm: Rival = {
  name: "tfjs-wasm",
  package: "@tensorflow/tfjs-backend-wasm",
  hosts: ["chromium"],
  modules: {
    "@tensorflow/tfjs-core": { from: "@tensorflow/tfjs-core", bundle: true },
    "@tensorflow/tfjs-backend-wasm": { from: "@tensorflow/tfjs-backend-wasm", bundle: true },
  },
  form: "tflite",
  arithmetic: "float",
  async open({ environment, model, input, threads }) {
    const tf = (await environment.importModule("@tensorflow/tfjs-core")) as TensorFlow;
    const backend = (await environment.importModule(
      "@tensorflow/tfjs-backend-wasm",
    )) as WasmBackend;
    backend.setWasmPaths(environment.packageFile("@tensorflow/tfjs-backend-wasm/dist/"));
    tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", threads > 1);
    backend.setThreadsCount(threads);
    if (!(await tf.setBackend("wasm"))) throw new Error("expected the wasm backend to start");
    const network = buildNetwork(tf, model);
    const reals = Float32Array.from(input.data, (code) => (code - input.zeroPoint) * input.scale);
    return {
      async run() {
        const output: TfTensor = tf.tidy(() => network(tf.tensor(reals, input.shape)));
        const data = (await output.data()).slice();
        output.dispose();
        return data;
      },
    };
  },
};
