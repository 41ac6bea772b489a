/** From what the caller has to the bytes of a model. */
import { CancelledError, FormatError, InputError, ResourceError } from "../errors.ts";
import { isNode } from "../wasm/index.ts";

/**
 * Bytes (not in shared memory), a URL, an HTTP(S), `file:` or `data:` address, a file path (Node),
 * or what `fetch` takes and gives.
 */
export type ModelSource = Uint8Array | ArrayBuffer | Blob | URL | string | Request | Response;

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined;
  readonly maxBytes: number;
  readonly onBytes?: (loaded: number, total: number | undefined) => void;
}

/** @throws InputError, FormatError (unreachable source), ResourceError, CancelledError */
export async function readSource(source: ModelSource, options: ReadOptions): Promise<Uint8Array> {
  const bytes = await readBytes(source, options);
  if (bytes.length > options.maxBytes) {
    throw new ResourceError("model file bytes", options.maxBytes, bytes.length);
  }
  return bytes;
}

async function readBytes(source: ModelSource, options: ReadOptions): Promise<Uint8Array> {
  if (source instanceof Uint8Array) return refuseShared(source);
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (typeof Blob !== "undefined" && source instanceof Blob) {
    return new Uint8Array(await source.arrayBuffer());
  }
  if (typeof Response !== "undefined" && source instanceof Response) {
    return readResponse(source, options);
  }
  if (typeof source === "string" || source instanceof URL) {
    const path = localPath(source);
    if (path !== undefined) return readFile(path, options);
  } else if (typeof Request === "undefined" || !(source instanceof Request)) {
    throw new InputError(
      `expected a model as bytes, Blob, URL, path, Request or Response, got ${describe(source)}`,
    );
  }
  return readResponse(await fetchSource(source, options.signal), options);
}

function describe(value: unknown): string {
  return value === null
    ? "null"
    : typeof value === "object"
      ? value.constructor.name
      : typeof value;
}

function refuseShared(bytes: Uint8Array): Uint8Array {
  if (typeof SharedArrayBuffer !== "undefined" && bytes.buffer instanceof SharedArrayBuffer) {
    throw new InputError(
      "expected model bytes that nobody else can write, got a SharedArrayBuffer",
    );
  }
  return bytes;
}

/** A path for Node's file system, or undefined where `fetch` is to be used. */
function localPath(source: string | URL): string | URL | undefined {
  if (!isNode()) return undefined;
  const text = String(source);
  if (text.startsWith("file:")) return new URL(text);
  return /^[a-z][a-z0-9+.-]+:/i.test(text) ? undefined : text;
}

async function readFile(
  path: string | URL,
  { signal, maxBytes }: ReadOptions,
): Promise<Uint8Array> {
  const { readFile: read, stat } = process.getBuiltinModule("node:fs/promises");
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw new ResourceError("model file bytes", maxBytes, size);
    return await read(path, signal === undefined ? {} : { signal });
  } catch (cause) {
    if (cause instanceof ResourceError) throw cause;
    if (signal?.aborted) throw new CancelledError("loading was cancelled", { cause });
    throw new FormatError(`${String(path)}: expected a readable file, got ${String(cause)}`, {
      cause,
    });
  }
}

async function fetchSource(
  source: string | URL | Request,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const address = source instanceof Request ? source.url : String(source);
  let response: Response;
  try {
    response = await fetch(source, signal === undefined ? {} : { signal });
  } catch (cause) {
    if (signal?.aborted) throw new CancelledError("loading was cancelled", { cause });
    throw new FormatError(`${address}: expected to fetch a model, got ${String(cause)}`, { cause });
  }
  if (!response.ok) {
    throw new FormatError(`${address}: expected a model, got HTTP status ${response.status}`);
  }
  return response;
}

async function readResponse(response: Response, options: ReadOptions): Promise<Uint8Array> {
  const header = Number(response.headers.get("content-length") ?? NaN);
  const total = Number.isSafeInteger(header) ? header : undefined;
  if (response.body === null) return new Uint8Array(await response.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let loaded = 0;
  const reader = response.body.getReader();
  for (;;) {
    if (options.signal?.aborted) {
      await reader.cancel();
      throw new CancelledError("loading was cancelled", { cause: options.signal.reason });
    }
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    loaded += value.length;
    if (loaded > options.maxBytes) {
      await reader.cancel();
      throw new ResourceError("model file bytes", options.maxBytes, loaded);
    }
    options.onBytes?.(loaded, total);
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
