/** What the browser loads: the package, and one function for the test to call. */
import { capabilities, load } from "bitlane";
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
    runNetwork(url: string, threads: number): Promise<PageResult>;
  }
}

window.runNetwork = async (url, threads) => {
  const able = capabilities();
  const model = await load(url, { threads });
  const result = { threads: model.threads, ableThreads: able.threads };
  return { ...result, hash: await hashOutputs(model), whyNoThreads: able.why.threads ?? "" };
};
