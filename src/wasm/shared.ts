/** Kernels take their memory as an import; what it shares with other threads is up to that import. */
import { InternalError } from "../errors.ts";

const text = (value: string): number[] => [value.length, ...new TextEncoder().encode(value)];
/** One import, of a memory: its two names, the kind, then its limits in 64 KiB pages. */
const importSection = (...limits: number[]): Uint8Array => {
  const entry = [1, ...text("env"), ...text("memory"), 2, ...limits];
  return Uint8Array.of(2, entry.length, ...entry);
};
/** From 1 page on; shared with a maximum, as sharing asks for: 1 to 65,536 pages in LEB128. */
const OWN = importSection(0, 1);
const SHARED = importSection(3, 1, 0x80, 0x80, 4);

/**
 * A kernel module for a memory that threads share. Its code is the same: kernels use no atomics.
 * @throws InternalError for a module that does not import a memory, and nothing else
 */
export function withSharedMemory(module: Uint8Array): Uint8Array<ArrayBuffer> {
  const at = module.findIndex((_, start) => OWN.every((byte, i) => module[start + i] === byte));
  if (at < 0) throw new InternalError("expected a kernel module that imports its memory alone");
  const result = new Uint8Array(module.length + SHARED.length - OWN.length);
  result.set(module.subarray(0, at));
  result.set(SHARED, at);
  result.set(module.subarray(at + OWN.length), at + SHARED.length);
  return result;
}
