/** The compiled kernel modules, inlined as base64 of deflated bytes and loaded one at a time. */
import { InternalError, PlatformError } from "../errors.ts";
import { modules } from "./modules/index.generated.ts";
import { isNode } from "./probe.ts";
import { withSharedMemory } from "./shared.ts";

const compiled = new Map<string, Promise<WebAssembly.Module>>();

/**
 * Kernel modules by name, each compiled once per process, sharing and variant. A variant is the same
 * code in bytes of its own, because the engine's cache of native code answers for equal bytes.
 * @param shared for a memory that threads share
 * @throws PlatformError where compiling is refused
 */
export function loadModules(
  names: readonly string[],
  shared: boolean,
  variant = "",
): Promise<readonly WebAssembly.Module[]> {
  return Promise.all(names.map((name) => loadModule(name, shared, variant)));
}

function loadModule(name: string, shared: boolean, variant: string): Promise<WebAssembly.Module> {
  const key = `${name} ${shared} ${variant}`;
  let module = compiled.get(key);
  if (module === undefined) {
    module = compile(name, shared, variant);
    module.catch(() => compiled.delete(key));
    compiled.set(key, module);
  }
  return module;
}

async function compile(
  name: string,
  shared: boolean,
  variant: string,
): Promise<WebAssembly.Module> {
  if (typeof WebAssembly !== "object") {
    throw new PlatformError("expected WebAssembly, got a host without it");
  }
  const module = modules.get(name);
  if (module === undefined) throw new InternalError(`expected a kernel module, got "${name}"`);
  const own = await inflate((await module()).default);
  const bytes = shared ? withSharedMemory(own) : own;
  try {
    return await WebAssembly.compile(variant === "" ? bytes : withSection(bytes, variant));
  } catch (cause) {
    throw new PlatformError(
      `expected to compile the ${name} kernels, got: ${String(cause)}. A content security policy needs "wasm-unsafe-eval"; the engine needs WebAssembly SIMD`,
      { cause },
    );
  }
}

/** The module with an empty custom section of that name (below 127 characters) behind it. */
function withSection(bytes: Uint8Array, name: string): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(name);
  const result = new Uint8Array(bytes.length + 3 + text.length);
  result.set(bytes);
  result.set([0, text.length + 1, text.length], bytes.length);
  result.set(text, bytes.length + 3);
  return result;
}

/** Base64 of deflated bytes compresses again to little more than the bytes themselves; plain base64 does not. */
async function inflate(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  if (isNode()) {
    // Node's streams and Response take longer to load than all the rest of loading a model.
    const { inflateRawSync } = process.getBuiltinModule("node:zlib");
    return new Uint8Array(inflateRawSync(Buffer.from(base64, "base64")));
  }
  const deflated = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
