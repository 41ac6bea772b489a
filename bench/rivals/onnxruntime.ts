/** The JavaScript interface that onnxruntime-web and onnxruntime-node share, as far as it is used. */
import type { Elements, Input, Session } from "./rival.ts";

interface OrtTensor {
  readonly data: Elements;
  getData(): Promise<Elements>;
  dispose(): void;
}

interface OrtSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
}

export interface Ort {
  readonly env: { readonly wasm: { numThreads?: number; wasmPaths?: string; proxy?: boolean } };
  readonly Tensor: new (dtype: string, data: Elements, shape: readonly number[]) => OrtTensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: Record<string, unknown>): Promise<OrtSession>;
  };
}

export async function openOrt(
  ort: Ort,
  model: Uint8Array,
  input: Input,
  options: Record<string, unknown>,
): Promise<Session> {
  const session = await ort.InferenceSession.create(model, {
    graphOptimizationLevel: "all",
    executionMode: "sequential",
    ...options,
  });
  const feeds = {
    [session.inputNames[0]!]: new ort.Tensor(input.dtype, input.data, input.shape),
  };
  const name = session.outputNames[0]!;
  return {
    async run() {
      const results = await session.run(feeds);
      const output = results[name]!;
      const data = output.data;
      output.dispose();
      return data;
    },
  };
}
