/** Starting a worker thread in Node and in browsers behind one interface. */
import { isNode } from "../wasm/index.ts";
import type { StartMessage, WorkerMessage } from "./protocol.ts";

/** What the pool needs of a worker. */
export interface WorkerHandle {
  post(message: StartMessage): void;
  onMessage(listener: (message: WorkerMessage) => void): void;
  /** The thread is gone or failed outside our code; called at most once. */
  onLost(listener: (reason: string) => void): void;
  /** Whether a pending job keeps the process alive (Node). */
  hold(busy: boolean): void;
  terminate(): Promise<void>;
}

/** Makes a browser worker; given by the caller where a policy or bundler needs its own URL. */
export type WorkerFactory = () => Worker;

export function startWorker(factory?: WorkerFactory): WorkerHandle {
  if (factory === undefined && isNode()) return startNodeWorker();
  const worker =
    factory?.() ?? new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  return wrapWebWorker(worker);
}

function startNodeWorker(): WorkerHandle {
  const { Worker: NodeWorker } = process.getBuiltinModule("node:worker_threads");
  // Beside this file: worker.ts where sources run as they are, worker.js in the package.
  const file = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js";
  const worker = new NodeWorker(new URL(file, import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: 64 },
  });
  worker.unref();
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (listener) => void worker.on("message", listener),
    onLost: (listener) => {
      let reason: string | undefined;
      worker.on("error", (error) => (reason = String(error)));
      worker.on("exit", (code) => listener(reason ?? `exit code ${code}`));
    },
    hold: (busy) => (busy ? worker.ref() : worker.unref()),
    terminate: async () => void (await worker.terminate()),
  };
}

function wrapWebWorker(worker: Worker): WorkerHandle {
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (listener) =>
      worker.addEventListener("message", (event: MessageEvent<WorkerMessage>) =>
        listener(event.data),
      ),
    onLost: (listener) => {
      const lost = (event: Event) =>
        listener((event as ErrorEvent).message ?? "the worker script did not load (URL or policy)");
      worker.addEventListener("error", lost, { once: true });
    },
    hold: () => undefined,
    terminate: async () => worker.terminate(),
  };
}
