import { PlatformError } from "../errors.ts";

export const PAGE_BYTES = 65536;

/**
 * A linear memory of exactly the pages that `sizeBytes` needs; it never grows.
 * @throws PlatformError if the host refuses
 */
export function allocateMemory(sizeBytes: number, shared: boolean): WebAssembly.Memory {
  const pages = Math.max(1, Math.ceil(sizeBytes / PAGE_BYTES));
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch (cause) {
    throw new PlatformError(
      `expected ${pages * PAGE_BYTES} bytes of ${shared ? "shared " : ""}memory, the host refused. Dispose of other models, or use threads: 1`,
      { cause },
    );
  }
}
