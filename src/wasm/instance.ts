import { instantiateSync } from "@assemblyscript/loader";
import { InternalError } from "../errors.ts";

/** A kernel export: parameter block, thread scratch, tile index. */
export type KernelFunction = (parameters: number, scratch: number, tile: number) => void;

/** Kernels of some modules on one memory. Kernels never allocate; instances hold no state. */
export class KernelInstance {
  readonly memory: WebAssembly.Memory;
  readonly #exports: readonly Record<string, unknown>[];

  constructor(modules: readonly WebAssembly.Module[], memory: WebAssembly.Memory) {
    this.memory = memory;
    this.#exports = modules.map((module) => instantiateSync(module, { env: { memory } }).exports);
  }

  /** @throws InternalError if no module has such a kernel */
  kernel(name: string): KernelFunction {
    const kernel = this.#exports.find((exports) => name in exports)?.[name];
    if (typeof kernel !== "function")
      throw new InternalError(`expected a kernel "${name}" in the module`);
    // The loader wraps exports to support optional arguments; kernels have none, so skip the wrapper.
    return ((kernel as { original?: unknown }).original ?? kernel) as KernelFunction;
  }
}
