import {
  type DotClass,
  hasRelaxedSimd,
  hasSimd,
  isNode,
  relaxedDotClass,
  whyNoThreads,
} from "../wasm/index.ts";

/** What this host can do, and why not. */
export interface Capabilities {
  readonly simd: boolean;
  /**
   * What the relaxed dot of this machine does: `usdot` and `sdot` make 8-bit networks faster.
   * Results do not depend on it.
   */
  readonly relaxed: DotClass;
  /** Threads that `load` takes by default; 1 where threads are not available. */
  readonly threads: number;
  /** A reason for every capability that is missing. */
  readonly why: { readonly simd?: string; readonly relaxed?: string; readonly threads?: string };
}

const MAX_THREADS = 16;

/** Asks the host, allocates nothing. */
export function capabilities(): Capabilities {
  const noThreads = whyNoThreads();
  const simd = hasSimd();
  return {
    simd,
    relaxed: relaxedDotClass(),
    threads: noThreads === undefined ? Math.min(availableThreads(), MAX_THREADS) : 1,
    why: {
      ...(simd ? {} : { simd: "the engine does not validate a SIMD module" }),
      ...(hasRelaxedSimd()
        ? {}
        : { relaxed: "the engine does not validate a relaxed SIMD module" }),
      ...(noThreads === undefined ? {} : { threads: noThreads }),
    },
  };
}

function availableThreads(): number {
  if (isNode()) return process.getBuiltinModule("node:os").availableParallelism();
  return Math.max(1, globalThis.navigator?.hardwareConcurrency ?? 1);
}
