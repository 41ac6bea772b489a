/** The compiled kernel modules, inlined as base64 of deflated bytes and loaded one at a time. */
import { InternalError, PlatformError } from "../errors.ts";
import { isNode } from "./probe.ts";

/** `plain`: every engine with SIMD. `relaxed`: the kernels of relaxed SIMD, beside the plain ones. */
type Build = "plain" | "plain-shared" | "relaxed" | "relaxed-shared";

/** What the kernels of a model need of the engine. */
export interface KernelSet {
  readonly isa: "simd128" | "relaxed";
  /** For a memory that threads share. */
  readonly shared: boolean;
}

async function loadBase64(build: Build): Promise<string> {
  switch (build) {
    case "plain":
      return (await import("./modules/release-plain.generated.ts")).default;
    case "plain-shared":
      return (await import("./modules/release-plain-shared.generated.ts")).default;
    case "relaxed":
      return (await import("./modules/release-relaxed.generated.ts")).default;
    case "relaxed-shared":
      return (await import("./modules/release-relaxed-shared.generated.ts")).default;
  }
}

const compiled = new Map<string, Promise<WebAssembly.Module>>();

/**
 * The modules with the kernels of a set, compiled once per process and variant. A variant is the same
 * code in bytes of its own, because the engine's cache of native code answers for equal bytes.
 * @throws PlatformError where compiling is refused
 */
export function loadModules(set: KernelSet, variant = ""): Promise<readonly WebAssembly.Module[]> {
  const suffix = set.shared ? "-shared" : "";
  const builds: Build[] = [`plain${suffix}`];
  if (set.isa === "relaxed") builds.push(`relaxed${suffix}`);
  return Promise.all(builds.map((build) => loadModule(build, variant)));
}

function loadModule(build: Build, variant: string): Promise<WebAssembly.Module> {
  const key = `${build} ${variant}`;
  let module = compiled.get(key);
  if (module === undefined) {
    module = compile(build, variant);
    module.catch(() => compiled.delete(key));
    compiled.set(key, module);
  }
  return module;
}

async function compile(build: Build, variant: string): Promise<WebAssembly.Module> {
  if (typeof WebAssembly !== "object") {
    throw new PlatformError("expected WebAssembly, got a host without it");
  }
  const bytes = await inflate(await loadBase64(build));
  if (bytes.length === 0) throw new InternalError(`expected a module for ${build}, got 0 bytes`);
  try {
    return await WebAssembly.compile(variant === "" ? bytes : withSection(bytes, variant));
  } catch (cause) {
    throw new PlatformError(
      `expected to compile the ${build} kernels, got: ${String(cause)}. A content security policy needs "wasm-unsafe-eval"; the engine needs WebAssembly SIMD`,
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
