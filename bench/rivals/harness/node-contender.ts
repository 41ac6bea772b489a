/** A rival in a Node process of its own: flags, heap and compiled code are not shared with others. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Rival } from "../rival.ts";
import type { Contender } from "./contender.ts";
import type { Opened } from "./host.ts";
import type { Reply, Request } from "./node-host.ts";

const HOST_FILE = fileURLToPath(new URL("./node-host.ts", import.meta.url));

/** @param flags given to Node, such as `--experimental-wasm-revectorize` */
export function nodeContender(
  rival: Rival,
  label: string,
  flags: readonly string[] = [],
): Contender {
  let child: ChildProcess | undefined;
  const ask = (request: Request): Promise<unknown> => {
    child ??= fork(HOST_FILE, { execArgv: [...flags], serialization: "advanced" });
    const asked = child;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const lost = (code: number | null, signal: string | null): void =>
      reject(new Error(`the Node process ended (${signal ?? `exit code ${code}`})`));
    asked.once("exit", lost);
    asked.once("message", (reply: Reply) => {
      asked.off("exit", lost);
      if (reply.kind === "done") resolve(reply.value);
      else reject(new Error(reply.error));
    });
    asked.send(request);
    return promise;
  };
  return {
    rival,
    host: "node",
    label,
    open: (job) => ask({ kind: "open", job }) as Promise<Opened>,
    measure: (options) => ask({ kind: "measure", options }) as Promise<number[]>,
    async close() {
      const ending = child;
      child = undefined;
      if (ending === undefined || ending.exitCode !== null || ending.signalCode !== null) return;
      const ended = new Promise((resolve) => ending.once("exit", resolve));
      ending.kill();
      await ended;
    },
  };
}
