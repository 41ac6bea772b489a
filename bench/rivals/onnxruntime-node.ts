/** Native ONNX Runtime. Its binary lies in the npm package: no install script is needed. */
import { type Ort, openOrt } from "./onnxruntime.ts";
import type { Rival } from "./rival.ts";

export const onnxruntimeNode: Rival = {
  name: "onnxruntime-node",
  package: "onnxruntime-node",
  hosts: ["node"],
  modules: {},
  form: "onnx",
  arithmetic: "integer",
  async open({ environment, model, input, threads }) {
    const ort = (await environment.importModule("onnxruntime-node")) as Ort;
    return openOrt(ort, model, input, {
      executionProviders: ["cpu"],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
    });
  },
};
