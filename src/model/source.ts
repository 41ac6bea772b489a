/** From what the caller has to the bytes of a model. */
import { FormatError, InputError, kindOf, ResourceError, throwIfAborted } from "../errors.ts";
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
  if (source instanceof ArrayBuffer) {
    // No view can be made of a detached one.
    return source.byteLength === 0 ? new Uint8Array() : new Uint8Array(source);
  }
  if (typeof Blob !== "undefined" && source instanceof Blob) {
    return readResponse(new Response(source), options);
  }
  if (typeof Response !== "undefined" && source instanceof Response) {
    return readResponse(source, options);
  }
  if (typeof source === "string" || source instanceof URL) {
    const address = String(source);
    if (isFile(address)) return readFile(address, options);
  } else if (typeof Request === "undefined" || !(source instanceof Request)) {
    throw new InputError(
      `expected a model as bytes, Blob, URL, path, Request or Response, got ${kindOf(source)}`,
    );
  }
  return readResponse(await fetchSource(source, options.signal), options);
}

function refuseShared(bytes: Uint8Array): Uint8Array {
  if (typeof SharedArrayBuffer !== "undefined" && bytes.buffer instanceof SharedArrayBuffer) {
    throw new InputError(
      "expected model bytes that nobody else can write, got a SharedArrayBuffer",
    );
  }
  return bytes;
}

/** Whether Node's file system has it, and not `fetch`. */
function isFile(address: string): boolean {
  return isNode() && (address.startsWith("file:") || !/^[a-z][a-z0-9+.-]+:/i.test(address));
}

async function readFile(address: string, { signal, maxBytes }: ReadOptions): Promise<Uint8Array> {
  const { readFile: read, stat } = process.getBuiltinModule("node:fs/promises");
  try {
    const path = address.startsWith("file:") ? new URL(address) : address;
    const { size } = await stat(path);
    if (size > maxBytes) throw new ResourceError("model file bytes", maxBytes, size);
    return await read(path, signal === undefined ? {} : { signal });
  } catch (cause) {
    if (cause instanceof ResourceError) throw cause;
    throwIfAborted(signal, "loading");
    throw new FormatError(`${address}: expected a readable file, got ${String(cause)}`, { cause });
  }
}

async function fetchSource(
  source: string | URL | Request,
  signal: AbortSignal | undefined,
): Promise<Response> {
  try {
    return await fetch(source, signal === undefined ? {} : { signal });
  } catch (cause) {
    throwIfAborted(signal, "loading");
    const address = source instanceof Request ? source.url : String(source);
    throw new FormatError(`${address}: expected to fetch a model, got ${String(cause)}`, { cause });
  }
}

async function readResponse(response: Response, options: ReadOptions): Promise<Uint8Array> {
  const { signal, maxBytes, onBytes } = options;
  const { body, bodyUsed, headers, ok, status, url } = response;
  if (!ok) throw new FormatError(`${url}: expected a model, got HTTP status ${status}`);
  if (body === null) return new Uint8Array();
  if (bodyUsed || body.locked) {
    throw new InputError(
      `${url}: expected a Response that nobody has read, got one with a used body`,
    );
  }
  const header = Number(headers.get("content-length") ?? NaN);
  const total = Number.isSafeInteger(header) ? header : undefined;
  const reader = body.getReader();
  // Ends the read that is waiting.
  const cancel = () => void reader.cancel().catch(() => undefined);
  signal?.addEventListener("abort", cancel);
  const chunks: Uint8Array[] = [];
  let loaded = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throwIfAborted(signal, "loading");
        throw new FormatError(`${url}: expected all of a model, got ${String(cause)}`, { cause });
      });
      throwIfAborted(signal, "loading");
      if (done) break;
      chunks.push(value);
      loaded += value.length;
      if (loaded > maxBytes) throw new ResourceError("model file bytes", maxBytes, loaded);
      onBytes?.(loaded, total);
    }
  } finally {
    signal?.removeEventListener("abort", cancel);
    cancel();
  }
  const bytes = new Uint8Array(loaded);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
