/** The compiled kernel modules, inlined as base64 of deflated bytes and loaded one at a time. */
import { InternalError, PlatformError } from "../errors.ts";

/** `plain`: every engine with SIMD. `relaxed`: adds the kernels that use relaxed SIMD. */
export type Build = "plain" | "plain-shared" | "relaxed" | "relaxed-shared";

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

const compiled = new Map<Build, Promise<WebAssembly.Module>>();

/** The module of a build, compiled once per process. @throws PlatformError where compiling is refused */
export function loadModule(build: Build): Promise<WebAssembly.Module> {
  let module = compiled.get(build);
  if (module === undefined) {
    module = compile(build);
    module.catch(() => compiled.delete(build));
    compiled.set(build, module);
  }
  return module;
}

async function compile(build: Build): Promise<WebAssembly.Module> {
  if (typeof WebAssembly !== "object") {
    throw new PlatformError("expected WebAssembly, got a host without it");
  }
  const bytes = await inflate(await loadBase64(build));
  if (bytes.byteLength === 0)
    throw new InternalError(`expected a module for ${build}, got 0 bytes`);
  try {
    return await WebAssembly.compile(bytes);
  } catch (cause) {
    throw new PlatformError(
      `expected to compile the ${build} kernels, got: ${String(cause)}. A content security policy needs "wasm-unsafe-eval"; the engine needs WebAssembly SIMD`,
      { cause },
    );
  }
}

/** Base64 of deflated bytes compresses again to little more than the bytes themselves; plain base64 does not. */
function inflate(base64: string): Promise<ArrayBuffer> {
  const deflated = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
}
