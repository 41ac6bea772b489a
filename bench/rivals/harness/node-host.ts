/** A child process of the controller: the host with one rival, answering messages. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { findRival } from "../index.ts";
import { Host, type Job, type MeasureOptions } from "./host.ts";

export type Request =
  | { readonly kind: "open"; readonly job: Job }
  | { readonly kind: "measure"; readonly options: MeasureOptions };

export type Reply =
  | { readonly kind: "done"; readonly value: unknown }
  | { readonly kind: "failed"; readonly error: string };

const { resolve } = createRequire(import.meta.url);

const host = new Host(
  {
    host: "node",
    packageFile: (path) => resolve(path),
    importModule: (name) =>
      import(
        name === "bitlane" ? new URL("../../../dist/index.js", import.meta.url).href : name
      ) as Promise<unknown>,
  },
  async (address) => new Uint8Array(await readFile(address)),
  findRival,
);

const answer = (request: Request): Promise<unknown> =>
  request.kind === "open" ? host.open(0, request.job) : host.measure(0, request.options);

process.on("message", (request: Request) => {
  answer(request).then(
    (value) => process.send!({ kind: "done", value } satisfies Reply),
    (error: unknown) => process.send!({ kind: "failed", error: String(error) } satisfies Reply),
  );
});
