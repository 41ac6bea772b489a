/** What this host can run, asked by validating tiny modules; never by user-agent. */

/** (func (result v128) (v128.const …)) */
// prettier-ignore
const SIMD = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0,
  65, 0, 253, 15, 253, 98, 11,
);
/** i8x16.relaxed_swizzle of two splats */
// prettier-ignore
const RELAXED = Uint8Array.of(
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0,
  65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11,
);

function validates(bytes: Uint8Array<ArrayBuffer>): boolean {
  return typeof WebAssembly === "object" && WebAssembly.validate(bytes);
}

export function hasSimd(): boolean {
  return validates(SIMD);
}

export function hasRelaxedSimd(): boolean {
  return validates(RELAXED);
}

/** Why threads cannot be used here, or undefined if they can. */
export function whyNoThreads(): string | undefined {
  if (typeof SharedArrayBuffer === "undefined") {
    return globalThis.crossOriginIsolated === false
      ? "page is not cross-origin isolated (send COOP: same-origin and COEP: require-corp)"
      : "host has no SharedArrayBuffer";
  }
  if (globalThis.crossOriginIsolated === false && !isNode()) {
    return "page is not cross-origin isolated (send COOP: same-origin and COEP: require-corp)";
  }
  if (typeof Worker === "undefined" && !isNode()) return "host has no Worker";
  return undefined;
}

export function isNode(): boolean {
  return typeof process === "object" && typeof process.versions?.node === "string";
}
