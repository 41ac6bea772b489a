/** What the browser loads: the package, and functions for the test to call. */
import { capabilities, load, type LoadOptions } from "bitlane";
import { hashRun } from "../model/hash-run.ts";
import { hashOutputs } from "./run-network.ts";

export interface PageResult {
  readonly hash: string;
  /** Threads that the model works on. */
  readonly threads: number;
  /** Threads that the page could have. */
  readonly ableThreads: number;
  /** Why threads are not available, "" if they are. */
  readonly whyNoThreads: string;
}

declare global {
  interface Window {
    runNetwork(url: string, threads: number, options?: LoadOptions): Promise<PageResult>;
    /** SHA-256 of the outputs for an input; addresses of both, options of `load`. */
    hashNetwork(url: string, input: string, options: LoadOptions): Promise<string>;
  }
}

window.runNetwork = async (url, threads, options) => {
  const able = capabilities();
  const model = await load(url, { ...options, threads });
  const result = { threads: model.threads, ableThreads: able.threads };
  return { ...result, hash: await hashOutputs(model), whyNoThreads: able.why.threads ?? "" };
};

window.hashNetwork = async (url, input, options) => {
  const [model, response] = await Promise.all([load(url, options), fetch(input)]);
  try {
    return await hashRun(model, new Uint8Array(await response.arrayBuffer()));
  } finally {
    await model.dispose();
  }
};
