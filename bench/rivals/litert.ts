/**
 * LiteRT.js: TFLite with XNNPACK. Runs in a page only, and refuses int8 and int64 inputs and outputs:
 * networks whose input is int8 cannot be measured.
 */
import type { Elements, Rival } from "./rival.ts";

interface LiteRtTensor {
  data(): Promise<Elements>;
  delete(): void;
}

interface LiteRtModel {
  run(input: LiteRtTensor): Promise<LiteRtTensor[]>;
}

interface LiteRt {
  loadLiteRt(
    path: string,
    options: { threads: boolean },
  ): Promise<{ readonly liteRtWasm: { getThreadCount(): number } }>;
  loadAndCompile(
    model: Uint8Array,
    options: { accelerator: "wasm"; cpuOptions: { numThreads: number } },
  ): Promise<LiteRtModel>;
  readonly Tensor: new (data: Elements, shape: readonly number[]) => LiteRtTensor;
}

export const litert: Rival = {
  name: "litert",
  package: "@litertjs/core",
  hosts: ["chromium"],
  modules: { "@litertjs/core": { from: "@litertjs/core", bundle: true } },
  form: "tflite",
  arithmetic: "integer",
  async open({ environment, model: bytes, input, threads }) {
    const { loadLiteRt, loadAndCompile, Tensor } = (await environment.importModule(
      "@litertjs/core",
    )) as LiteRt;
    await loadLiteRt(environment.packageFile("@litertjs/core/wasm/"), { threads: threads > 1 });
    const model = await loadAndCompile(bytes, {
      accelerator: "wasm",
      cpuOptions: { numThreads: threads },
    });
    return {
      async run() {
        const given = new Tensor(input.data, input.shape);
        const results = await model.run(given);
        const output = (await results[0]!.data()).slice();
        given.delete();
        for (const result of results) result.delete();
        return output;
      },
    };
  },
};
