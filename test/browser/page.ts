/** What the browser loads: the package, and one function for the test to call. */
import { capabilities, load } from "bitlane";
import { hashOutputs } from "./run-network.ts";

export interface PageResult {
  readonly hash: string;
  readonly threads: number;
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
  const hash = await hashOutputs(await load(url, { threads: Math.min(threads, able.threads) }));
  return { hash, threads: able.threads, whyNoThreads: able.why.threads ?? "" };
};
